package io.github.trimtab.engine.cli;

import io.github.trimtab.engine.cuda.Gpu;
import io.github.trimtab.engine.demo.Demo;
import io.github.trimtab.engine.demo.DemoPolicy;
import io.github.trimtab.engine.demo.DemoReport;
import io.github.trimtab.engine.demo.DemoResult;
import io.github.trimtab.engine.llama.LlamaBackend;
import io.github.trimtab.engine.study.HeadBudgets;
import io.github.trimtab.engine.var.Calibration;
import io.github.trimtab.engine.var.CudaVar;
import io.github.trimtab.engine.var.VarBackend;
import io.github.trimtab.engine.var.VarModel;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * {@code trimtab demo}: the same pictures drawn with the full cache and with caches that forget,
 * and the same Java written with and without drafters.
 */
@Command(
    name = "demo",
    description =
        "Draw the same pictures with the full cache, with ScaleKV and with a sliding window, and"
            + " print memory, fidelity and time. Then complete the same Java plainly and with"
            + " drafters, whose head is full or trimmed, and print speed and block efficiency.")
final class DemoCommand implements Callable<Integer> {
  private static final int MOST_IMAGES = 64;

  /** A part of the demonstration. */
  enum Part {
    PICTURES,
    TEXT;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  @Spec private CommandSpec spec = CommandSpec.create();

  @Mixin private TextDemoRun text = new TextDemoRun();

  @Option(
      names = "--only",
      paramLabel = "PART",
      description = "One part alone: ${COMPLETION-CANDIDATES} (default: both).")
  private @Nullable Part only;

  @Option(
      names = "--out",
      paramLabel = "DIR",
      defaultValue = "demo",
      description =
          "Folder for demo.png, the single pictures and the tables (default: ${DEFAULT-VALUE}).")
  private Path out = Path.of("");

  @Mixin private BackendOption backend = new BackendOption();

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "1",
      description = "Seed of the noise that all policies share (default: ${DEFAULT-VALUE}).")
  private long seed;

  @Option(
      names = "--images",
      paramLabel = "N",
      defaultValue = "8",
      description =
          "Number of pictures, which take the classes in turn (default: ${DEFAULT-VALUE}).")
  private int images;

  @Option(
      names = "--classes",
      paramLabel = "NAME",
      split = ",",
      defaultValue =
          "tiger face,penguin,butterfly,cherries,hamburger,steam locomotive,castle,rocket",
      description = "Names of classes, with commas between (default: ${DEFAULT-VALUE}).")
  private List<String> classes = List.of();

  @Option(
      names = "--model",
      paramLabel = "DIR",
      defaultValue = "${sys:trimtab.home:-.}/models/var-emoji",
      description = "Folder of the model (default: ${DEFAULT-VALUE}).")
  private Path folder = Path.of("");

  @Override
  public Integer call() throws IOException {
    try (Gpu gpu = backend.gpu();
        LlamaBackend texts = backend.llama(gpu)) {
      return run(gpu, texts);
    }
  }

  private int run(@Nullable Gpu gpu, LlamaBackend texts) throws IOException {
    if (images < 1 || images > MOST_IMAGES) {
      throw new BadInputException("--images", images, "1 to " + MOST_IMAGES);
    }
    OutputFile.checkFolder(out);
    TextDemoRun.Prepared prepared = only == Part.PICTURES ? null : text.prepare(texts);
    if (only != Part.TEXT) {
      pictures(gpu);
    }
    if (prepared != null) {
      OutputFile.makeFolder(out);
      CommandLine line = spec.commandLine();
      prepared.run(line.getOut(), line.getErr(), out);
    }
    return 0;
  }

  private void pictures(@Nullable Gpu gpu) throws IOException {
    VarModel model = VarModel.load(folder);
    Calibration calibration = Calibration.read(folder.resolve("calibration.json"));
    List<Integer> labels = labels(model.classNames());
    List<DemoPolicy> policies =
        DemoPolicy.all(model.config(), calibration, Demo.ROWS, heads(model, gpu));
    OutputFile.makeFolder(out);

    List<String> names = labels.stream().map(model.classNames()::get).toList();
    List<DemoResult> results;
    try (VarBackend on =
        gpu == null ? VarBackend.host(model, backend.kernels()) : new CudaVar(model, gpu)) {
      results = draw(new Demo(on, labels, seed), policies, names);
    }
    DemoReport report = new DemoReport(names, results);
    PrintWriter printed = spec.commandLine().getOut();
    printed.print(report.table());
    printed.println("contact sheet: " + report.write(out));
  }

  /** Of the model, if it has any; outputs on a device are not corrected. */
  private HeadBudgets heads(VarModel model, @Nullable Gpu gpu) throws IOException {
    Path file = folder.resolve("scalekv.safetensors");
    return gpu == null && Files.exists(file)
        ? HeadBudgets.read(file, model.config().schedule().scales())
        : HeadBudgets.none();
  }

  private List<DemoResult> draw(Demo demo, List<DemoPolicy> policies, List<String> names) {
    PrintWriter messages = spec.commandLine().getErr();
    try (Progress progress = new Progress(messages, names.size() * policies.size())) {
      return demo.run(
          policies,
          (policy, picture) ->
              progress.show(
                  picture * policies.size() + policies.indexOf(policy),
                  names.get(picture) + ", " + policy.title()));
    }
  }

  private List<Integer> labels(List<String> known) {
    List<Integer> labels = new ArrayList<>();
    for (int i = 0; i < images; i++) {
      String name = classes.get(i % classes.size()).strip();
      int label = known.indexOf(name);
      if (label < 0) {
        throw new BadInputException(
            "--classes", name, "names of " + folder.resolve("classes.json"));
      }
      labels.add(label);
    }
    return labels;
  }
}
