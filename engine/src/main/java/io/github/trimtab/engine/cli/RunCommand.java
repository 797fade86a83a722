package io.github.trimtab.engine.cli;

import picocli.CommandLine.Command;

/** The group of commands that run one operation each. */
@Command(
    name = "run",
    description = "Run one operation on tensors from a safetensors file.",
    synopsisSubcommandLabel = "OP",
    subcommands = {
      RunScore.class,
      RunSelect.class,
      RunEvict.class,
      RunAttend.class,
      RunVerify.class,
      RunHead.class,
      RunQuantize.class,
      RunColumnSums.class,
      RunSelectivity.class
    })
final class RunCommand {}
