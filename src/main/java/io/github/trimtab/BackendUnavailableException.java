package io.github.trimtab;

import java.util.List;

/** A backend was asked for that does not work here; the message gives its reasons. */
public final class BackendUnavailableException extends IllegalStateException {
  private static final long serialVersionUID = 1;

  /**
   * Says why.
   *
   * @param name of the backend
   * @param reasons a sentence each, naming the flag, file or driver to mend
   */
  public BackendUnavailableException(String name, List<String> reasons) {
    super("backend " + name + " is not available: " + String.join(" ", reasons));
  }
}
