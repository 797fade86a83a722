package io.github.trimtab.engine.cli;

/** What a user gave is wrong: one line that names it, its value and what was expected. */
final class BadInputException extends RuntimeException {
  private static final long serialVersionUID = 1;

  BadInputException(String what, Object value, String expected) {
    super(what + ": " + value + ", expected " + expected);
  }
}
