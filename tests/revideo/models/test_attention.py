"""Attention by products and by torch's kernel, against the same in double precision."""

import pytest
import torch
import torch.nn.functional as F

from revideo.models import attention
from revideo.models.attention import MANY_TOKENS, attend
from revideo.models.fused_linear import has_fused_linear


@pytest.mark.parametrize("slow", [True, False])
@pytest.mark.parametrize("tokens", [14, MANY_TOKENS, 2 * MANY_TOKENS + 1])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.bfloat16, 1e-2)])
@torch.no_grad()
def test_attention_is_what_it_says_whatever_the_processor(monkeypatch, slow, tokens, dtype, tolerance):
    if slow and not has_fused_linear(dtype):
        pytest.skip("torch has no such layers of oneDNN here")
    monkeypatch.setattr(attention, "mkl_is_slow", lambda: slow)
    monkeypatch.setattr(attention, "SCORES", 200 * MANY_TOKENS)  # so that parts of unequal length come
    generator = torch.Generator().manual_seed(0)
    # As they come from linear layers: heads side by side.
    given = [torch.randn(3, tokens, 2, 16, generator=generator).to(dtype).transpose(1, 2) for _ in range(3)]
    before = [each.clone() for each in given]
    expected = F.scaled_dot_product_attention(*(each.double() for each in given))
    found = attend(*given)
    assert found.dtype == dtype and found.shape == expected.shape
    assert (found - expected).norm() < tolerance * expected.norm()
    assert all(map(torch.equal, given, before))


def test_scores_of_many_tokens_are_not_held_at_once(monkeypatch):
    if not has_fused_linear(torch.float32):
        pytest.skip("torch has no such layers of oneDNN here")
    monkeypatch.setattr(attention, "mkl_is_slow", lambda: True)
    products, own = [], attention.linear_by_onednn
    monkeypatch.setattr(attention, "linear_by_onednn", lambda *given: products.append(own(*given)) or products[-1])
    query = torch.randn(1, 1, 4 * MANY_TOKENS, 8)
    with torch.no_grad():
        monkeypatch.setattr(attention, "SCORES", query.shape[-2] ** 2 // 4)
        attend(query, query, query)
    assert len(products) == 8 and max(each.numel() for each in products) == attention.SCORES
