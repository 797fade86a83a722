package io.github.trimtab.engine.cuda;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/** Functions of a shared library that return an int, 0 for success. */
final class CFunctions {

  private static final Linker LINKER = Linker.nativeLinker();

  private final SymbolLookup symbols;

  CFunctions(SymbolLookup symbols) {
    this.symbols = symbols;
  }

  /**
   * A function.
   *
   * @throws java.util.NoSuchElementException if the library has none of that name
   */
  MethodHandle find(String name, MemoryLayout... arguments) {
    return LINKER.downcallHandle(
        symbols.findOrThrow(name), FunctionDescriptor.of(ValueLayout.JAVA_INT, arguments));
  }

  /** A call with its arguments. */
  @FunctionalInterface
  interface Call {
    int run() throws Throwable;
  }

  /**
   * Calls a function.
   *
   * @param name of the function, for the message
   * @throws IllegalStateException naming function and result, unless that is 0
   */
  static void call(String name, Call call) {
    int result;
    try {
      result = call.run();
    } catch (Throwable e) {
      throw new IllegalStateException(name + " cannot be called", e);
    }
    if (result != 0) {
      throw new IllegalStateException(name + " returned " + result + ", expected 0");
    }
  }
}
