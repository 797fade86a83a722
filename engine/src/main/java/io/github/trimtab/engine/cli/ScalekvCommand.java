package io.github.trimtab.engine.cli;

import picocli.CommandLine.Command;

/** The group of commands about ScaleKV. */
@Command(
    name = "scalekv",
    description = "Budgets of the ScaleKV method.",
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {BudgetCommand.class})
final class ScalekvCommand {}
