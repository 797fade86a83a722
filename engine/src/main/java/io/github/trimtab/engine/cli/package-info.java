/** The command line. */
@NullMarked
package io.github.trimtab.engine.cli;

import org.jspecify.annotations.NullMarked;
