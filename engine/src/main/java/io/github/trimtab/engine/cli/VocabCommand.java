package io.github.trimtab.engine.cli;

import picocli.CommandLine.Command;

/** The group of commands about kept vocabularies. */
@Command(
    name = "vocab",
    description = "Token counts, and the vocabularies that draft heads keep.",
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {
      VocabCountCommand.class,
      VocabTrimCommand.class,
      VocabCoverageCommand.class,
      VocabConvertCommand.class,
      VocabEvalCommand.class
    })
final class VocabCommand {}
