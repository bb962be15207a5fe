"""ReVideo's nodes, one file per family; a node is a form and a call into the library."""

from __future__ import annotations

from comfy_api.latest import ComfyExtension, io

from .conditions import ReVideoConditions, ReVideoKeyframes
from .control_video import ReVideoControlVideo
from .editor import ReVideoEditor
from .evaluate import ReVideoEvaluate
from .example import ReVideoExampleClip
from .follow_mask import ReVideoFollowMask
from .fusion import ReVideoShowFusion
from .long_video import ReVideoLongVideo
from .model import ReVideoLoadModel, register_model_folder
from .native.conditioning import ReVideoLoadControlNet, ReVideoNativeConditioning
from .native.load_svd import ReVideoLoadSVD
from .propagate import ReVideoLoadPropagator, ReVideoPropagate
from .sampling import ReVideoDecode, ReVideoSampler
from .tracks.track_changes import ReVideoMergeTracks, ReVideoTransformTracks
from .tracks.track_points import ReVideoTrackPoints, register_tracker_folder
from .tracks.tracks_in import ReVideoDrawTracks, ReVideoTracksIn
from .video import ReVideoCrop, ReVideoKeepUnedited, ReVideoPrepareVideo, ReVideoStitch


class ReVideoExtension(ComfyExtension):
    async def on_load(self) -> None:
        register_model_folder()
        register_tracker_folder()

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        return [
            ReVideoLoadModel,
            ReVideoExampleClip,
            ReVideoPrepareVideo,
            ReVideoEditor,
            ReVideoTracksIn,
            ReVideoTrackPoints,
            ReVideoTransformTracks,
            ReVideoMergeTracks,
            ReVideoKeyframes,
            ReVideoFollowMask,
            ReVideoConditions,
            ReVideoSampler,
            ReVideoDecode,
            ReVideoKeepUnedited,
            ReVideoCrop,
            ReVideoStitch,
            ReVideoLongVideo,
            ReVideoDrawTracks,
            ReVideoShowFusion,
            ReVideoEvaluate,
            ReVideoLoadSVD,
            ReVideoLoadControlNet,
            ReVideoNativeConditioning,
            ReVideoControlVideo,
            ReVideoLoadPropagator,
            ReVideoPropagate,
        ]
