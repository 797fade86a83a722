package io.github.trimtab.engine.cli;

import picocli.CommandLine.Command;

/** The group of commands about models. */
@Command(
    name = "model",
    description = "Language models as files.",
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {ExportCommand.class})
final class ModelCommand {}
