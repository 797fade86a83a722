package io.github.trimtab.io;

import java.io.ByteArrayOutputStream;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The small part of Python's pickle that token maps need: a list of integers, or the description of
 * one torch tensor. Nothing is executed: opcodes and names are from closed sets, and a name is only
 * a name here. What else a pickle may say is refused.
 */
final class Pickle {
  private static final String REBUILD = "torch._utils _rebuild_tensor_v2";
  private static final String DICTIONARY = "collections OrderedDict";
  private static final Set<String> NAMES =
      Set.of(REBUILD, DICTIONARY, "torch LongStorage", "torch IntStorage");

  /** Elements that one opcode appends in what Python writes. */
  private static final int BATCH = 1000;

  private enum Mark {
    MARK
  }

  private record Name(String text) {}

  private record Storage(String key, int elementBytes, long elements) {}

  /**
   * A torch tensor whose elements lie elsewhere.
   *
   * @param key name of the storage
   * @param elementBytes 4 or 8
   * @param offset of the first element in the storage, in elements
   * @param shape its sizes
   * @param strides steps in elements
   */
  record StoredTensor(
      String key, int elementBytes, long offset, List<Long> shape, List<Long> strides) {}

  private final Path file;
  private final ByteBuffer in;
  private final List<Object> stack = new ArrayList<>();
  private final Map<Integer, Object> memo = new HashMap<>();

  private Pickle(Path file, byte[] bytes) {
    this.file = file;
    in = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  /**
   * Reads a pickle: a {@code List<Object>} of what it holds, or a {@link StoredTensor}.
   *
   * @param file names the pickle in messages
   */
  static Object read(Path file, byte[] bytes) throws FileFormatException {
    Pickle pickle = new Pickle(file, bytes);
    try {
      while (true) {
        int opcode = Byte.toUnsignedInt(pickle.in.get());
        if (opcode == '.') {
          return pickle.pop();
        }
        pickle.step(opcode);
      }
    } catch (BufferUnderflowException e) {
      throw new FileFormatException(file, "pickle ends early, expected a list or a tensor");
    } catch (ClassCastException e) {
      throw new FileFormatException(file, "pickle of another kind, expected a list or a tensor");
    }
  }

  private void step(int opcode) throws FileFormatException {
    switch (opcode) {
      case 0x80 -> { // PROTO
        int version = in.get();
        if (version < 2 || version > 5) {
          throw bad("protocol " + version, "2 to 5");
        }
      }
      case 0x95 -> in.getLong(); // FRAME
      case ']' -> push(new ArrayList<Object>());
      case '(' -> push(Mark.MARK);
      case ')' -> push(List.of());
      case 'K' -> push((long) Byte.toUnsignedInt(in.get()));
      case 'M' -> push((long) Short.toUnsignedInt(in.getShort()));
      case 'J' -> push((long) in.getInt());
      case 0x8a -> push(shortLong());
      case 0x88 -> push(true);
      case 0x89 -> push(false);
      case 'X' -> push(text(in.getInt()));
      case 0x8c -> push(text(Byte.toUnsignedInt(in.get())));
      case 'q' -> memo.put(Byte.toUnsignedInt(in.get()), top());
      case 'r' -> memo.put(in.getInt(), top());
      case 0x94 -> memo.put(memo.size(), top());
      case 'h' -> push(remembered(Byte.toUnsignedInt(in.get())));
      case 'j' -> push(remembered(in.getInt()));
      case 'a' -> append(List.of(pop()));
      case 'e' -> append(popToMark());
      case 't' -> push(popToMark());
      case 0x85 -> push(pop(1));
      case 0x86 -> push(pop(2));
      case 0x87 -> push(pop(3));
      case 'c' -> push(name(line() + " " + line()));
      case 0x93 -> {
        List<Object> parts = pop(2);
        push(name((String) parts.get(0) + ' ' + (String) parts.get(1)));
      }
      case 'Q' -> push(storage(castList(pop())));
      case 'R' -> {
        List<Object> arguments = castList(pop());
        push(call((Name) pop(), arguments));
      }
      default ->
          throw bad(
              "opcode 0x%02x".formatted(opcode), "only those of a list of integers or tensor");
    }
  }

  private long shortLong() throws FileFormatException {
    int length = Byte.toUnsignedInt(in.get());
    if (length > Long.BYTES) {
      throw bad("an integer of " + length + " bytes", "at most 8");
    }
    long value = 0;
    for (int i = 0; i < length; i++) {
      byte b = in.get();
      // The last byte carries the sign.
      value |= (i == length - 1 ? b : Byte.toUnsignedLong(b)) << (8 * i);
    }
    return value;
  }

  private String text(int length) {
    if (length < 0 || length > in.remaining()) {
      throw new BufferUnderflowException();
    }
    byte[] bytes = new byte[length];
    in.get(bytes);
    return new String(bytes, StandardCharsets.UTF_8);
  }

  private String line() {
    StringBuilder text = new StringBuilder();
    for (byte b = in.get(); b != '\n'; b = in.get()) {
      text.append((char) b);
    }
    return text.toString();
  }

  private Name name(String text) throws FileFormatException {
    if (!NAMES.contains(text)) {
      throw bad("name " + text, "one of " + NAMES.stream().sorted().toList());
    }
    return new Name(text);
  }

  /** What stands for a storage: ("storage", kind, key, device, elements). */
  private Storage storage(List<Object> id) throws FileFormatException {
    if (id.size() != 5 || !"storage".equals(id.get(0))) {
      throw bad("persistent id of " + id.size() + " parts", "a storage of 5");
    }
    return switch (((Name) id.get(1)).text()) {
      case "torch LongStorage" -> new Storage((String) id.get(2), Long.BYTES, (Long) id.get(4));
      case "torch IntStorage" -> new Storage((String) id.get(2), Integer.BYTES, (Long) id.get(4));
      default -> throw bad("storage " + id.get(1), "LongStorage or IntStorage");
    };
  }

  private Object call(Name name, List<Object> arguments) throws FileFormatException {
    if (name.text().equals(DICTIONARY) && arguments.isEmpty()) {
      return Map.of();
    }
    if (!name.text().equals(REBUILD) || arguments.size() < 4) {
      throw bad("call of " + name.text(), "a tensor's");
    }
    Storage storage = (Storage) arguments.get(0);
    return new StoredTensor(
        storage.key(),
        storage.elementBytes(),
        (Long) arguments.get(1),
        integers("shape", arguments.get(2)),
        integers("strides", arguments.get(3)));
  }

  /** A tuple of integers; what else a pickle nests there is never put into words. */
  private List<Long> integers(String name, Object value) throws FileFormatException {
    List<Long> integers = new ArrayList<>();
    for (Object element : castList(value)) {
      if (!(element instanceof Long integer)) {
        throw bad(name + " of other things", "integers");
      }
      integers.add(integer);
    }
    return integers;
  }

  private void append(List<Object> values) throws FileFormatException {
    // Tuples are lists here too, but nothing is appended to them.
    if (!(top() instanceof ArrayList<?> list)) {
      throw bad("an append to no list", "a list below it");
    }
    castList(list).addAll(values);
  }

  @SuppressWarnings("unchecked") // lists here hold objects only
  private static List<Object> castList(Object value) {
    return (List<Object>) value;
  }

  private Object remembered(int place) throws FileFormatException {
    Object value = memo.get(place);
    if (value == null) {
      throw bad("memo " + place, "one that was put there");
    }
    return value;
  }

  private void push(Object value) {
    stack.add(value);
  }

  private Object top() throws FileFormatException {
    if (stack.isEmpty()) {
      throw bad("an empty stack", "a value on it");
    }
    return stack.getLast();
  }

  private Object pop() throws FileFormatException {
    Object value = top();
    stack.removeLast();
    return value;
  }

  private List<Object> pop(int count) throws FileFormatException {
    if (stack.size() < count) {
      throw bad("a stack of " + stack.size(), count + " values on it");
    }
    List<Object> last = stack.subList(stack.size() - count, stack.size());
    List<Object> values = List.copyOf(last);
    last.clear();
    return values;
  }

  private List<Object> popToMark() throws FileFormatException {
    int mark = stack.lastIndexOf(Mark.MARK);
    if (mark < 0) {
      throw bad("no mark on the stack", "one");
    }
    List<Object> values = pop(stack.size() - mark - 1);
    stack.removeLast();
    return values;
  }

  private FileFormatException bad(String value, String expected) {
    return new FileFormatException(
        file, "pickle: " + value + " before byte " + in.position() + ", expected " + expected);
  }

  /** A list of integers as Python's protocol 2 writes it. */
  static byte[] write(int[] values) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(new byte[] {(byte) 0x80, 2, ']', 'q', 0});
    for (int begin = 0; begin < values.length; begin += BATCH) {
      int end = Math.min(begin + BATCH, values.length);
      boolean one = end - begin == 1;
      if (!one) {
        out.write('(');
      }
      for (int i = begin; i < end; i++) {
        writeInteger(out, values[i]);
      }
      out.write(one ? 'a' : 'e');
    }
    out.write('.');
    return out.toByteArray();
  }

  private static void writeInteger(ByteArrayOutputStream out, int value) {
    boolean oneByte = value >= 0 && value < 1 << 8;
    boolean twoBytes = value >= 0 && value < 1 << 16;
    out.write(oneByte ? 'K' : twoBytes ? 'M' : 'J');
    for (int i = 0; i < (oneByte ? 1 : twoBytes ? 2 : 4); i++) {
      out.write(value >> (8 * i));
    }
  }
}
