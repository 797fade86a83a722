/** Language models of the Llama layout on the library's paged cache, and drafters for them. */
@NullMarked
package io.github.trimtab.engine.llama;

import org.jspecify.annotations.NullMarked;
