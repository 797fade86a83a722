package io.github.trimtab.engine.cli;

import io.github.trimtab.BackendUnavailableException;
import io.github.trimtab.io.FileFormatException;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;

/** How a command's failure becomes a message on stderr and an exit code. */
final class Failures {
  static final int OTHER = 1;
  static final int BAD_INPUT = 2;
  static final int NO_BACKEND = 3;

  private Failures() {}

  /** Makes a command line report through this class. */
  static void handle(CommandLine commandLine) {
    commandLine.setParameterExceptionHandler((e, args) -> report(e, e.getCommandLine().getErr()));
    commandLine.setExecutionExceptionHandler((e, failed, parsed) -> report(e, failed.getErr()));
  }

  private static int report(Exception e, PrintWriter err) {
    return switch (e) {
      case UncheckedIOException wrapped when wrapped.getCause() != null ->
          report(wrapped.getCause(), err);
      case BackendUnavailableException _ -> line(e.getMessage(), NO_BACKEND, err);
      case NoSuchFileException missing ->
          line(missing.getFile() + ": no such file or folder", BAD_INPUT, err);
      case AccessDeniedException denied ->
          line(denied.getFile() + ": permission denied", BAD_INPUT, err);
      case FileAlreadyExistsException there ->
          line(there.getFile() + ": a file, expected a folder or none yet", BAD_INPUT, err);
      case FileSystemException _ -> line(e.getMessage(), BAD_INPUT, err);
      case FileFormatException _ -> line(e.getMessage(), BAD_INPUT, err);
      case BadInputException _ -> line(e.getMessage(), BAD_INPUT, err);
      case CommandLine.ParameterException wrong -> line(usage(wrong), BAD_INPUT, err);
      case IllegalArgumentException _ -> line(e.getMessage(), BAD_INPUT, err);
      case IOException _ -> line(e.getMessage(), OTHER, err);
      default -> {
        err.println("trimtab: unexpected failure");
        e.printStackTrace(err);
        err.flush();
        yield OTHER;
      }
    };
  }

  /** What picocli says, without its "Error: ", and with the commands where one is missing. */
  private static String usage(CommandLine.ParameterException e) {
    String message = Objects.toString(e.getMessage()).replaceFirst("^Error: ", "");
    return message.equals("Missing required subcommand")
        ? message
            + ", expected one of "
            + String.join(", ", e.getCommandLine().getSubcommands().keySet())
        : message;
  }

  /** Reports an operation that this machine's memory cannot hold. */
  static int report(OutOfMemoryError e, PrintWriter err) {
    return line("not enough memory: " + e.getMessage(), OTHER, err);
  }

  /** Prints one line whatever the message holds: names in files may contain line breaks. */
  private static int line(@Nullable String message, int exitCode, PrintWriter err) {
    err.println(
        "trimtab: "
            + Objects.toString(message, "failed").replaceAll("[\\p{Cc}\\p{Zl}\\p{Zp}]+", " "));
    err.flush();
    return exitCode;
  }
}
