package io.github.trimtab.internal.cuda;

import io.github.trimtab.internal.cuda.bindings.*;
import java.lang.foreign.GroupLayout;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.PaddingLayout;
import java.util.List;
import java.util.Optional;

/** The structs of the C ABI as the Java side lays them out, and as a library says it does. */
final class Layouts {
  private static final List<GroupLayout> STRUCTS =
      List.of(
          trimtab_launch.layout(),
          trimtab_error.layout(),
          trimtab_status_word.layout(),
          trimtab_common.layout(),
          trimtab_tensor.layout(),
          trimtab_pages.layout(),
          trimtab_new_tokens.layout(),
          trimtab_weights.layout(),
          trimtab_head_rows.layout(),
          trimtab_scoring.layout(),
          trimtab_append_params.layout(),
          trimtab_score_params.layout(),
          trimtab_select_params.layout(),
          trimtab_compact_params.layout(),
          trimtab_evict_params.layout(),
          trimtab_attend_params.layout(),
          trimtab_columnsums_params.layout(),
          trimtab_selectivity_params.layout(),
          trimtab_head_params.layout(),
          trimtab_quantize_params.layout(),
          trimtab_pack_params.layout(),
          trimtab_verify_params.layout(),
          trimtab_device.layout());

  private Layouts() {}

  /** Bytes that hold any of them. */
  static long mostBytes() {
    return STRUCTS.stream().mapToLong(GroupLayout::byteSize).max().orElseThrow();
  }

  /**
   * Lines {@code struct NAME SIZE}, each followed by lines {@code NAME OFFSET SIZE} of its fields.
   */
  static String describe() {
    StringBuilder text = new StringBuilder();
    for (GroupLayout struct : STRUCTS) {
      text.append("struct ").append(name(struct)).append(' ').append(struct.byteSize());
      text.append('\n');
      for (MemoryLayout member : struct.memberLayouts()) {
        if (!(member instanceof PaddingLayout)) {
          String field = name(member);
          long offset = struct.byteOffset(PathElement.groupElement(field));
          text.append(field).append(' ').append(offset).append(' ').append(member.byteSize());
          text.append('\n');
        }
      }
    }
    return text.toString();
  }

  /** The first line in which a library's description differs from {@link #describe}. */
  static Optional<String> difference(String library) {
    List<String> theirs = library.lines().toList();
    List<String> ours = describe().lines().toList();
    String struct = "";
    for (int i = 0; i < Math.max(theirs.size(), ours.size()); i++) {
      String their = i < theirs.size() ? theirs.get(i) : "nothing";
      String our = i < ours.size() ? ours.get(i) : "nothing";
      if (!their.equals(our)) {
        return Optional.of(struct + "the library has \"" + their + "\", Java \"" + our + "\"");
      }
      struct = our.startsWith("struct ") ? our.split(" ", 3)[1] + ": " : struct;
    }
    return Optional.empty();
  }

  private static String name(MemoryLayout layout) {
    return layout.name().orElseThrow();
  }
}
