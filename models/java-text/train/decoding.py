"""Batched decoding in which each row stands at its own position: generation, and speculation with chains of drafts."""

import torch
import torch.nn.functional as F

from llama import rotary_tables


class Cache:
    """One layer's keys and values [B, G, T, D]; a call writes its tokens at `positions` [B, n] and sees all keys up to them."""

    def __init__(self, rows, capacity, conf, device, dtype):
        shape = (rows, conf["num_key_value_heads"], capacity, conf["head_dim"])
        self.keys, self.values = (torch.zeros(shape, device=device, dtype=dtype) for _ in range(2))
        self.positions = None

    def __call__(self, q, k, v):
        rows = torch.arange(len(q), device=q.device)[:, None]
        self.keys[rows, :, self.positions] = k.transpose(1, 2).to(self.keys.dtype)
        self.values[rows, :, self.positions] = v.transpose(1, 2).to(self.values.dtype)
        end = int(self.positions.max()) + 1
        keys, values = self.keys[:, :, :end], self.values[:, :, :end]
        b, heads, n, size = q.shape
        q = q.to(keys.dtype).reshape(b, keys.shape[1], -1, size)  # heads of a group, then their n queries
        scores = (q @ keys.transpose(-1, -2)).float().view(b, keys.shape[1], -1, n, end) * size**-0.5
        hidden = torch.arange(end, device=q.device) > self.positions[:, :, None]
        weights = scores.masked_fill(hidden[:, None, None], float("-inf")).softmax(-1).to(values.dtype)
        return (weights.view(b, keys.shape[1], -1, end) @ values).view(b, heads, n, size)


class Decoder:
    """A model with a cache of its own. `embedding` is the target's for a drafter that reads it, else None."""

    def __init__(self, model, rows, capacity, embedding=None):
        self.model, self.embedding = model, embedding
        head = model.head if embedding is None else embedding
        self.caches = [Cache(rows, capacity, model.conf, head.device, head.dtype) for _ in model.blocks]
        self.cos, self.sin = rotary_tables(model.conf, head.device)

    @torch.no_grad()
    def __call__(self, tokens, positions, features=None):
        """tokens, positions [B, n] (features [B, n, d] for EAGLE, at those positions) -> features [B, n, d]."""
        for cache in self.caches:
            cache.positions = positions
        cos, sin = self.cos[positions][:, None], self.sin[positions][:, None]
        if self.embedding is None:
            return self.model(tokens, cos, sin, self.caches)
        return self.model(F.embedding(tokens, self.embedding), features, cos, sin, self.caches)


def distribution(logits, temperature):
    """Probabilities in fp32; temperature 0 puts all on the highest."""
    if temperature == 0:
        return F.one_hot(logits.argmax(-1), logits.shape[-1]).float()
    return (logits.float() / temperature).softmax(-1)


def draw(probabilities):
    """Ids drawn from [.., V], by the exponential race."""
    race = torch.empty_like(probabilities).exponential_()
    return (probabilities / race).argmax(-1)


@torch.no_grad()
def generate(model, prompts, count, temperature):
    """[B, P] -> [B, P + count] of the model's own text; it goes on after an end of text."""
    rows, length = prompts.shape
    decoder = Decoder(model, rows, length + count)
    sequence = torch.cat([prompts, prompts.new_zeros(rows, count)], dim=1)
    positions = torch.arange(length + count, device=prompts.device).expand(rows, -1)
    place, width = 0, length
    for end in range(length, length + count):
        features = decoder(sequence[:, place : place + width], positions[:, place : place + width])[:, -1]
        sequence[:, end] = draw(distribution(features @ model.head.T, temperature))
        place, width = end, 1
    return sequence


class Speculation:
    """Chains of `gamma` drafts, verified at once. `kept` are the ids that the drafter's head reads (None: all)."""

    def __init__(self, target, drafter, prompts, rounds, gamma, temperature, kept=None):
        rows, length = prompts.shape
        self.gamma, self.temperature, self.kept = gamma, temperature, kept
        capacity = length + (rounds + 1) * (gamma + 1)
        self.eagle = not hasattr(drafter, "head")
        self.target_head = target.head
        self.target = Decoder(target, rows, capacity)
        self.drafter = Decoder(drafter, rows, capacity, target.head if self.eagle else None)
        self.head = (target if self.eagle else drafter).head
        self.head = self.head if kept is None else self.head[kept]
        self.tokens = torch.cat([prompts, prompts.new_zeros(rows, capacity - length)], dim=1)
        self.lengths = torch.full((rows,), length, device=prompts.device)
        positions = torch.arange(length, device=prompts.device).expand(rows, -1)
        features = self.target(prompts, positions)
        self.features = torch.cat([features, features.new_zeros(rows, capacity - length, features.shape[-1])], dim=1)
        if self.eagle:
            self.drafter(prompts[:, 1:], positions[:, :-1], features[:, :-1])
        else:
            self.drafter(prompts, positions)

    def _draft_distribution(self, features):
        kept = distribution(features @ self.head.T, self.temperature)
        if self.kept is None:
            return kept
        return kept.new_zeros(len(kept), self.target_head.shape[0]).index_copy_(1, self.kept, kept)

    @torch.no_grad()
    def draft(self):
        """tokens [B, gamma] and the distributions [B, gamma, V] they were drawn from."""
        rows = torch.arange(len(self.lengths), device=self.lengths.device)[:, None]
        back = torch.arange(-self.gamma - 1, 0, device=rows.device)
        places = self.lengths[:, None] + back  # tokens verified last time have not been through the drafter
        tokens, chosen, distributions = self.tokens[rows, places], [], []
        if self.eagle:
            features = self.drafter(tokens, places - 1, self.features[rows, places - 1])[:, -1]
        else:
            features = self.drafter(tokens, places)[:, -1]
        for i in range(self.gamma):
            q = self._draft_distribution(features)
            chosen.append(draw(q))
            distributions.append(q)
            if i + 1 < self.gamma:
                place = self.lengths[:, None] + i - (1 if self.eagle else 0)
                given = (features[:, None],) if self.eagle else ()
                features = self.drafter(chosen[-1][:, None], place, *given)[:, -1]
        return torch.stack(chosen, 1), torch.stack(distributions, 1)

    @torch.no_grad()
    def round(self):
        """One draft and verification: how many drafts were accepted [B]; appends them and one token more."""
        drafts, q = self.draft()
        rows = torch.arange(len(self.lengths), device=drafts.device)[:, None]
        last = self.tokens[rows, self.lengths[:, None] - 1]
        places = self.lengths[:, None] - 1 + torch.arange(self.gamma + 1, device=drafts.device)
        features = self.target(torch.cat([last, drafts], 1), places)
        self.features[rows, places] = features
        p = distribution(features @ self.target_head.T, self.temperature)
        of = lambda t: t.gather(2, drafts[:, :, None])[:, :, 0]
        accepted = (torch.rand_like(of(q)) * of(q) < of(p[:, :-1])).long().cumprod(1).sum(1)
        here = p[rows[:, 0], accepted]
        q_here = torch.cat([q, q.new_zeros(q[:, :1].shape)], 1)[rows[:, 0], accepted]
        residual = (here - q_here).clamp(min=0)
        emitted = draw(torch.where(residual.sum(1, keepdim=True) > 0, residual, here))
        self.tokens[rows, self.lengths[:, None] + torch.arange(self.gamma, device=rows.device)] = drafts
        self.tokens[rows[:, 0], self.lengths + accepted] = emitted
        self.lengths = self.lengths + accepted + 1
        return accepted
