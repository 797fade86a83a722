package io.github.trimtab.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.trimtab.benchmarks.Figure.Group;
import io.github.trimtab.benchmarks.Figure.Peer;
import io.github.trimtab.benchmarks.Report.Kind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReportTest {
  private static final Path ROOT = Path.of("..").toAbsolutePath().normalize();

  @Test
  void pagesShowTheRecordedResults() throws IOException {
    for (Path page : Report.pages(ROOT)) {
      String text = Files.readString(page);
      assertThat(text).contains(Kind.CPU.start());
      assertThat(text.equals(Report.rendered(ROOT, page)))
          .as("%s shows benchmarks/results; if not, run benchmarks/report", page)
          .isTrue();
    }
    assertThat(Files.readString(Report.pages(ROOT).getFirst())).contains(Kind.GPU.start());
  }

  /** The main page shows figures of a GPU only while the kernels are verified on one. */
  @Test
  void figuresOfUnverifiedKernelsAreNotShown() throws IOException {
    String page = Files.readString(ROOT.resolve("README.md"));
    int start = page.indexOf(Kind.GPU.start());
    String shown = page.substring(start, page.indexOf(Report.END, start));
    String record = Files.readString(ROOT.resolve("native/VERIFIED.md"));
    if (!record.startsWith("status: verified\n")) {
      assertThat(shown).doesNotContain("|");
    }
  }

  @Test
  void resultsSurviveTheFile(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("results.json");
    sample().write(file);
    assertThat(Results.read(file)).isEqualTo(sample());
  }

  @Test
  void theMiddleRunOfAFigureIsTaken() {
    List<Results> runs = List.of(run(0.9), run(0.5), run(0.7));
    assertThat(Results.merged(runs).figures()).isEqualTo(run(0.7).figures());
    assertThat(Results.merged(List.of(run(0.9), run(0.5))).figures()).isEqualTo(run(0.5).figures());
  }

  private static Results run(double ratio) {
    Peer peer = new Peer("read", flat(25), flat(ratio));
    Figure figure = new Figure(Group.SPEED, "score", "keys", 1, "GB/s", flat(25 * ratio), peer);
    Results sample = sample();
    return new Results(
        sample.machine(), sample.commit(), sample.date(), sample.absent(), List.of(figure));
  }

  @Test
  void tablesNameWhatIsSlow() {
    assertThat(ResultTables.all(sample()))
        .contains("| score | keys | 1 | 20.0 GB/s | read: 25.0 GB/s | 0.80 (0.70 to 0.90) |")
        .contains("| compact | 1.20 |")
        .contains("Under 1.50 times scalar: compact F32 (1.20).\ncompact: rows move");
    assertThat(ResultTables.headlines(sample()))
        .contains("| score | keys | 20.0 GB/s, **0.80** | 40.0 GB/s, **0.80** | read |");
  }

  @Test
  void pageKeepsWhatStandsAroundTheTables() {
    String cpu = "before\n" + Kind.CPU.start() + "\nan earlier table\n" + Report.END + "\nafter\n";
    String gpu = Kind.GPU.start() + "\nanother\n" + Report.END + "\n";
    assertThat(Report.rendered(cpu + gpu, Kind.CPU, "new\n"))
        .isEqualTo(cpu.replace("an earlier table", "new") + gpu);
    assertThat(Report.rendered(cpu + gpu, Kind.GPU, "new\n"))
        .isEqualTo(cpu + gpu.replace("another", "new"));
    assertThat(Report.rendered(cpu, Kind.GPU, "new\n")).isEqualTo(cpu);
  }

  @Test
  void torchStandsBesideTheSameOperation(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("torch.json");
    String time =
        "{\"name\":\"%s\",\"shape\":\"keys\",\"peer\":\"a\",\"value\":{\"q1\":8,\"median\":10,\"q3\":12}}";
    Files.writeString(
        file,
        "{\"version\":\"torch 3\",\"absent\":[\"b\"],\"peers\":[%s,%s]}"
            .formatted(time.formatted("score"), time.formatted("other")));
    Results both = TorchPeers.read(file).beside(run(0.8));
    assertThat(both.absent()).containsExactly("PyTorch: torch 3.", "b");
    assertThat(both.figures()).hasSize(2);
    Figure beside = both.figures().getLast();
    assertThat(beside.group()).isEqualTo(Group.PEER);
    assertThat(beside.peer())
        .isEqualTo(new Peer("a", new Spread(8, 10, 12), new Spread(0.4, 0.5, 0.6)));
  }

  @Test
  void headlinesOfAGpuAreALineAnOperation() {
    List<Figure> figures =
        List.of(
            onGpu(
                Group.SPEED, "rows, gathered", new Peer("memory read, a form", flat(5), flat(0.5))),
            onGpu(Group.SPEED, "rows, packed", new Peer("memory read, a form", flat(6), flat(0.6))),
            onGpu(
                Group.SPEED,
                "rows, gathered against packed",
                new Peer("packed", flat(9), flat(0.9))),
            onGpu(
                Group.SPEED,
                "rows, gathered against cuBLAS",
                new Peer("cuBLAS", flat(8), flat(0.8))),
            onGpu(Group.PEER, "rows, gathered", new Peer("torch: a", flat(30), flat(3))),
            onGpu(Group.PEER, "rows, gathered", new Peer("torch: b", flat(20), flat(2))),
            onGpu(Group.PEER, "alone", new Peer("JCuda", flat(20), flat(2))));
    assertThat(GpuHeadlines.of(figures))
        .endsWith(
            "|\n| head | rows, gathered | 10.0 us | **0.50** memory read |"
                + " **0.80** cuBLAS; **2.00** torch: b |\n");
  }

  private static Figure onGpu(Group group, String shape, Peer peer) {
    return new Figure(group, "head", shape, 0, "us", flat(10), peer);
  }

  @Test
  void imagesStandInTablesOfTheirOwn() {
    var full = new Figure(Group.SPEED, "image", "A, all", 0, "us", flat(8000), null);
    var kept =
        new Figure(
            Group.SPEED, "image", "A, few", 0, "us", flat(4000), new Peer("", flat(8000), flat(2)));
    var torch =
        new Figure(
            Group.PEER,
            "image",
            "A, few",
            0,
            "us",
            flat(4000),
            new Peer("b", flat(6000), flat(1.5)));
    var all = new Peer("9 tokens", flat(30), flat(3));
    var some = new Peer("6 tokens", flat(20), flat(2));
    var bytes = new Figure(Group.BYTES, "A, few", "at rest, 9", 0, "MiB", flat(10), all);
    var same = new Figure(Group.BYTES, "A, few", "at rest, 6", 0, "MiB", flat(10), some);
    assertThat(ImageTables.of(List.of(full, kept, torch, bytes, same)))
        .contains("| Image | This library, against its full cache | b |")
        .contains("| A, all | 8.00 |  |\n| A, few | 4.00 (2.00) | 6.00 (1.50) |")
        .contains("| A, few | 30.0 (9 tokens), 20.0 (6 tokens) | 10.0 (3.00, 2.00) |");
    assertThat(ImageTables.of(sample().figures())).isEmpty();
  }

  private static Results sample() {
    var machine = new Machine("A CPU", 2, "Linux", "25", "256 bits", "g++");
    return new Results(
        machine,
        "abc",
        "2026-01-01",
        List.of(),
        List.of(
            new Figure(Group.SPEED, "score", "keys", 1, "GB/s", flat(20), peer("read", 25)),
            new Figure(Group.SPEED, "score", "keys", 2, "GB/s", flat(40), peer("read", 50)),
            new Figure(Group.SCALAR, "compact", "F32", 1, "us", flat(5), slow())));
  }

  private static Peer peer(String name, double value) {
    return new Peer(name, flat(value), new Spread(0.7, 0.8, 0.9));
  }

  private static Peer slow() {
    return new Peer("scalar", flat(6), flat(1.2));
  }

  private static Spread flat(double value) {
    return new Spread(value, value, value);
  }
}
