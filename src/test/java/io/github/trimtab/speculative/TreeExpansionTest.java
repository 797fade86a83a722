package io.github.trimtab.speculative;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Trees against an expansion that sorts lists of paths. */
class TreeExpansionTest {
  private record Path(List<Integer> tokens, double score, int order) {}

  private static final Comparator<Path> BEST =
      Comparator.comparingDouble(Path::score).reversed().thenComparingInt(Path::order);

  private static List<List<Integer>> naive(
      SmallModel draft, int[] ids, List<Integer> text, Drafting.Tree tree) {
    List<Path> all = new ArrayList<>();
    List<Path> frontier = List.of(new Path(List.of(), 0, -1));
    for (int level = 0; level < tree.depth(); level++) {
      List<Path> found = new ArrayList<>();
      for (Path path : frontier) {
        List<Integer> context = new ArrayList<>(text);
        context.addAll(path.tokens());
        float[] row = draft.row(context);
        List<Path> children = new ArrayList<>();
        for (int j = 0; j < row.length; j++) {
          if (row[j] > 0) {
            List<Integer> tokens = new ArrayList<>(path.tokens());
            tokens.add(ids[j]);
            float score = (float) path.score() + (float) Math.log(row[j]);
            children.add(new Path(tokens, score, j));
          }
        }
        children.sort(BEST);
        for (Path child : children.subList(0, Math.min(tree.width(), children.size()))) {
          found.add(new Path(child.tokens(), child.score(), all.size() + found.size()));
        }
      }
      all.addAll(found);
      found.sort(BEST);
      frontier = new ArrayList<>(found.subList(0, Math.min(tree.width(), found.size())));
      frontier.sort(Comparator.comparingInt(Path::order));
    }
    all.sort(BEST);
    List<Path> best = new ArrayList<>(all.subList(0, Math.min(tree.nodes(), all.size())));
    best.sort(Comparator.comparingInt(Path::order));
    return best.stream().map(Path::tokens).toList();
  }

  @Test
  void theBestPathsOfEveryLevel() {
    int[] ids = {9, 4, 0, 7, 2, 5};
    for (int seed = 0; seed < 40; seed++) {
      Random random = new Random(seed);
      SmallModel draft =
          new SmallModel(context -> {
            float[] row = new float[ids.length];
            for (int i = 0; i < 16; i++) {
              row[random.nextInt(ids.length)] += 1 / 16f;
            }
            return row;
          });
      Drafting.Tree shape =
          new Drafting.Tree(1 + seed % 7, 1 + seed % 4, 1 + random.nextInt(DraftTree.MOST));
      SmallPair pair = new SmallPair(draft, draft, 10, ids, 3);
      DraftTree tree = new DraftTree();
      new TreeExpansion(new DraftSide(pair, DraftHeads.always(pair), 3), shape).grow(tree);
      assertThat(paths(tree)).isEqualTo(naive(draft, ids, List.of(3), shape));
      assertThat(pair.draftPasses).isLessThanOrEqualTo(shape.depth());
      for (int node = 0; node < tree.size(); node++) {
        long above = tree.parent(node) < 0 ? 0 : tree.ancestors(tree.parent(node));
        assertThat(tree.ancestors(node)).isEqualTo(above | 1L << node);
        assertThat(tree.child(tree.parent(node), tree.token(node))).isEqualTo(node);
      }
    }
  }

  private static List<List<Integer>> paths(DraftTree tree) {
    List<List<Integer>> paths = new ArrayList<>();
    for (int node = 0; node < tree.size(); node++) {
      List<Integer> path = new ArrayList<>();
      if (tree.parent(node) >= 0) {
        path.addAll(paths.get(tree.parent(node)));
      }
      path.add(tree.token(node));
      paths.add(path);
    }
    return paths;
  }
}
