package io.github.trimtab;

import java.util.List;

/** A backend was asked for that does not work here; the message gives its reasons. */
public final class BackendUnavailableException extends IllegalStateException {
  private static final long serialVersionUID = 1;

  BackendUnavailableException(String name, List<String> reasons) {
    super("backend " + name + " is not available: " + String.join(" ", reasons));
  }
}
