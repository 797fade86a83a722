/** What studies write: records that outlive a stop, tables and their pages, curves. */
@NullMarked
package io.github.trimtab.engine.report;

import org.jspecify.annotations.NullMarked;
