package io.github.trimtab.vocab;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class TrimTest {
  private static final String HASH = "0123456789abcdef".repeat(4);

  private static TokenCounts counts(long... counts) {
    return new TokenCounts(new Provenance("text", HASH, counts.length), counts);
  }

  private static BitSet bits(int... ids) {
    BitSet bits = new BitSet();
    Arrays.stream(ids).forEach(bits::set);
    return bits;
  }

  private static BitSet upTo(int size) {
    BitSet bits = new BitSet();
    bits.set(0, size);
    return bits;
  }

  @Test
  void frequentIdsAreKeptAndTiesGoToTheLowerId() {
    Trim trim = new Trim(counts(5, 9, 0, 5, 1), upTo(5), bits(), 1);
    assertThat(trim.topK(2).ids()).containsExactly(0, 1);
    assertThat(trim.topK(3).ids()).containsExactly(0, 1, 3);
    assertThat(trim.topK(3).idsByRank()).containsExactly(1, 0, 3);
  }

  @Test
  void protectedIdsComeFirstWhateverTheirCount() {
    Trim trim = new Trim(counts(5, 9, 0, 5, 1), upTo(5), bits(2, 4), 1);
    assertThat(trim.topK(3).ids()).containsExactly(1, 2, 4);
    assertThat(trim.topK(3).idsByRank()).containsExactly(1, 4, 2);
    assertThatThrownBy(() -> trim.topK(1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("k: 1, expected 2 (protected ids) to 5");
  }

  @Test
  void sizesAreRoundedUpToTheTileButNotIntoPadding() {
    Trim trim = new Trim(counts(9, 8, 7, 6, 5, 4, 3, 0, 0, 0), upTo(7), bits(), 4);
    assertThat(trim.topK(3).size()).isEqualTo(4);
    assertThat(trim.topK(4).size()).isEqualTo(4);
    assertThat(trim.topK(5).ids()).containsExactly(0, 1, 2, 3, 4, 5, 6);
    assertThatThrownBy(() -> trim.topK(8)).hasMessageContaining("to 7 (ids with a token)");
  }

  @Test
  void idsWithoutATokenAreNeitherProtectedNorCounted() {
    assertThatThrownBy(() -> new Trim(counts(1, 0, 1), upTo(2), bits(), 1))
        .hasMessageContaining("counted id: 2 has no token");
    assertThatThrownBy(() -> new Trim(counts(1, 0, 0), upTo(2), bits(2), 1))
        .hasMessageContaining("protected id: 2");
    assertThatThrownBy(() -> new Trim(counts(1, 0, 0), upTo(3), bits(3), 1))
        .hasMessageContaining("protected id: 3");
  }

  @Test
  void massKeepsTheFewestThatHoldTheShare() {
    Trim trim = new Trim(counts(60, 25, 10, 4, 1, 0), upTo(6), bits(), 1);
    assertThat(trim.mass(0.6).size()).isEqualTo(1);
    assertThat(trim.mass(0.85).size()).isEqualTo(2);
    assertThat(trim.mass(0.851).size()).isEqualTo(3);
    assertThat(trim.mass(1).size()).isEqualTo(5);
    for (double share : new double[] {0, -1, 1.01, Double.NaN}) {
      assertThatThrownBy(() -> trim.mass(share)).hasMessageContaining("share: " + share);
    }
  }

  @Test
  void rareIdsAreDropped() {
    Trim trim = new Trim(counts(60, 25, 10, 4, 1, 0), upTo(6), bits(5), 1);
    assertThat(trim.dropRarest(10).ids()).containsExactly(0, 1, 2, 5);
    assertThat(trim.dropRarest(1).ids()).containsExactly(0, 1, 2, 3, 4, 5);
    assertThat(trim.dropRarest(1000).ids()).containsExactly(5);
  }

  /** The chosen size beats or equals every other one by the formula, written out once more here. */
  @Test
  void automaticMaximisesTokensOverCost() {
    Random random = new Random(3);
    for (int trial = 0; trial < 20; trial++) {
      int size = 200 + random.nextInt(200);
      long[] values = IntStream.range(0, size).mapToLong(i -> 100_000 / (1 + i)).toArray();
      TokenCounts counts = counts(values);
      double acceptance = 0.5 + random.nextDouble() / 2;
      int gamma = 1 + random.nextInt(5);
      long draft = size * 16L + random.nextInt(10_000);
      var cost = DraftCost.ofWeights(draft, 20_000, size, 16);
      Trim trim = new Trim(counts, upTo(size), bits(), 8);
      int chosen = trim.automatic(counts, acceptance, gamma, cost).size();
      double best = mbsu(values, chosen, acceptance, gamma, draft, size);
      for (int k = 8; k <= size; k += 8) {
        assertThat(mbsu(values, k, acceptance, gamma, draft, size))
            .isLessThanOrEqualTo(best + 1e-12);
      }
    }
  }

  private static double mbsu(
      long[] counts, int k, double acceptance, int gamma, long draft, int size) {
    double held = Arrays.stream(counts, 0, k).sum() / (double) Arrays.stream(counts).sum();
    double tokens = 0;
    for (int i = 0; i <= gamma; i++) {
      tokens += Math.pow(acceptance * held, i);
    }
    double c = (draft - (size - k) * 16.0) / 20_000;
    return tokens / (c * gamma + 1);
  }

  @Test
  void automaticKeepsAllWhereRowsCostNothingAndFewWhereTheyCostAll() {
    TokenCounts counts = counts(IntStream.range(0, 512).mapToLong(i -> 600 - i).toArray());
    Trim trim = new Trim(counts, upTo(512), bits(), 128);
    assertThat(trim.automatic(counts, 0.8, 3, k -> 0.1).size()).isEqualTo(512);
    assertThat(trim.automatic(counts, 0.8, 3, k -> k).size()).isEqualTo(128);
    var latency = DraftCost.ofSeconds(new int[] {128, 256, 512}, new double[] {1, 1, 9}, 0, 10);
    assertThat(trim.automatic(counts, 0.9, 3, latency).size()).isEqualTo(256);
    assertThatThrownBy(() -> trim.automatic(counts, 1.1, 3, k -> 1)).hasMessageContaining("1.1");
    assertThatThrownBy(() -> trim.automatic(counts, 0.5, 0, k -> 1)).hasMessageContaining("gamma");
  }

  @Test
  void latenciesAreReadOffTheLine() {
    var cost = DraftCost.ofSeconds(new int[] {100, 200}, new double[] {1, 3}, 1, 10);
    assertThat(cost.applyAsDouble(150)).isCloseTo(0.3, within(1e-12));
    assertThat(cost.applyAsDouble(10)).isCloseTo(0.2, within(1e-12));
    assertThat(cost.applyAsDouble(1000)).isCloseTo(0.4, within(1e-12));
    assertThatThrownBy(() -> DraftCost.ofSeconds(new int[] {2, 1}, new double[] {1, 1}, 0, 1))
        .hasMessageContaining("latency of 1 rows");
    assertThatThrownBy(() -> DraftCost.ofWeights(10, 100, 10, 2)).hasMessageContaining("head's 20");
  }

  @Test
  void coverageIsCountedByDomainAndOverall() {
    KeptVocabulary kept = KeptVocabulary.of(new Provenance("", "", 3), 2, 0);
    Map<String, TokenCounts> heldOut = new LinkedHashMap<>();
    heldOut.put("java", counts(6, 2, 0));
    heldOut.put("prose", counts(0, 1, 1));
    heldOut.put("nothing", counts(0, 0, 0));
    assertThat(Coverage.of(kept, heldOut))
        .containsExactly(
            new Coverage("java", 8, 6),
            new Coverage("prose", 2, 1),
            new Coverage("nothing", 0, 0),
            new Coverage("overall", 10, 7));
    assertThat(new Coverage("x", 8, 6).share()).isEqualTo(0.75);
  }

  @Test
  void otherVocabulariesAreRefused() {
    KeptVocabulary kept = KeptVocabulary.of(new Provenance("", HASH, 3), 0);
    TokenCounts larger = counts(1, 2, 3, 4);
    assertThatThrownBy(() -> Coverage.of(kept, Map.of("a", larger)))
        .hasMessageContaining("vocabulary of 4 ids, expected 3");
    TokenCounts other =
        new TokenCounts(new Provenance("", "f".repeat(64), 3), new long[] {1, 1, 1});
    assertThatThrownBy(() -> Coverage.of(kept, Map.of("a", other)))
        .hasMessageContaining("tokenizer ffff");
    assertThatThrownBy(() -> counts(1, 1, 1).plus(other)).hasMessageContaining("tokenizer ffff");
    assertThatThrownBy(() -> kept.under(other.provenance())).hasMessageContaining("tokenizer");
    assertThatThrownBy(() -> new Provenance("", "ABC", 3)).hasMessageContaining("hexadecimal");
    assertThatThrownBy(() -> new Provenance("", "", 0)).hasMessageContaining("vocabularySize: 0");
    assertThatThrownBy(() -> new Provenance("", "", 1 << 30))
        .hasMessageContaining("vocabularySize");
  }

  @Test
  void keptVocabulariesAreSets() {
    Provenance provenance = new Provenance("", "", 10);
    KeptVocabulary kept = KeptVocabulary.ranked(provenance, 7, 3, 5);
    assertThat(kept.ids()).containsExactly(3, 5, 7);
    assertThat(kept.indexOf(5)).isEqualTo(1);
    assertThat(kept.contains(4)).isFalse();
    assertThat(kept.plus(5, 9, 0, 9).idsByRank()).containsExactly(7, 3, 5, 9, 0);
    assertThat(kept.only(upTo(6)).idsByRank()).containsExactly(3, 5);
    assertThatThrownBy(() -> kept.only(upTo(2))).hasMessageContaining("ids: none");
    assertThatThrownBy(() -> KeptVocabulary.of(provenance, 1, 1)).hasMessageContaining("1 twice");
    assertThatThrownBy(() -> KeptVocabulary.of(provenance, 10)).hasMessageContaining("id: 10");
    assertThatThrownBy(() -> KeptVocabulary.of(provenance, -1)).hasMessageContaining("id: -1");
  }

  @Test
  void tokensAreCountedInEveryWidth() {
    TokenCounter counter = new TokenCounter(new Provenance("", "", 70_001));
    counter.add(new byte[] {1, 0, 0x60, (byte) 0xea}, 4, 2);
    counter.add(new byte[] {1, 0, 0, 0, 0x70, 0x11, 1, 0}, 8, 4);
    counter.add(new byte[] {1, 0, 0, 0, 0, 0, 0, 0}, 8, 8);
    counter.add(new int[] {2, 1});
    counter.add(2);
    TokenCounts counts = counter.counts();
    assertThat(counts.count(1)).isEqualTo(4);
    assertThat(counts.count(2)).isEqualTo(2);
    assertThat(counts.count(60_000)).isEqualTo(1);
    assertThat(counts.total()).isEqualTo(8);
    assertThat(counts.distinct()).isEqualTo(4);
    assertThatThrownBy(() -> counter.add(70_001))
        .hasMessageContaining("token id: 70001, expected 0 to 70000");
    assertThatThrownBy(() -> counter.add(new byte[] {0, 0, 0, -1}, 4, 4))
        .hasMessageContaining("token id: -16777216");
  }

  @Test
  void countsAddUp() {
    TokenCounts sum = counts(1, 2, 0).plus(counts(0, 2, 7));
    assertThat(sum.toArray()).containsExactly(1, 4, 7);
    assertThat(sum.provenance().source()).isEqualTo("text");
    assertThatThrownBy(() -> counts(1, -1)).hasMessageContaining("count of id 1: -1");
    assertThatThrownBy(() -> counts(Long.MAX_VALUE, 1)).hasMessageContaining("sum below 2^63");
  }

  @Test
  void threadsCountTheSame() {
    Provenance provenance = new Provenance("", "", 50);
    try (var counter = new ParallelCounter(new TokenCounts(provenance, new long[50]), 4)) {
      for (int piece = 0; piece < 500; piece++) {
        int from = piece;
        counter.submit(one -> IntStream.range(from, from + 100).forEach(i -> one.add(i % 50)));
      }
      assertThat(counter.counts().toArray()).containsOnly(1000L);
      counter.submit(one -> one.add(3));
      assertThat(counter.counts().count(3)).isEqualTo(1001);
      counter.submit(one -> one.add(50));
      assertThatThrownBy(counter::counts).hasMessageContaining("token id: 50");
      assertThatThrownBy(() -> counter.submit(one -> one.add(1))).hasMessageContaining("id: 50");
    }
  }

  @Test
  void anErrorOfAPieceIsNotLost() {
    Provenance provenance = new Provenance("", "", 5);
    try (var counter = new ParallelCounter(new TokenCounts(provenance, new long[5]), 2)) {
      counter.submit(one -> {
        throw new LinkageError("no such library");
      });
      assertThatThrownBy(counter::counts)
          .isInstanceOf(LinkageError.class)
          .hasMessage("no such library");
    }
  }
}
