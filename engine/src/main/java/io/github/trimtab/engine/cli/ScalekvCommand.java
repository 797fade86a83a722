package io.github.trimtab.engine.cli;

import picocli.CommandLine.Command;

/** The group of commands about ScaleKV. */
@Command(
    name = "scalekv",
    description = "Budgets, calibration and the study of policies that forget.",
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {BudgetCommand.class, CalibrateCommand.class, EvalCommand.class})
final class ScalekvCommand {}
