package io.github.trimtab.engine.text;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** A byte-level BPE of 264 ids as a tokenizer.json. */
public final class TinyTokenizer {
  /** First id after the 256 bytes, which stand in the order of their values. */
  public static final int AB = 256;

  public static final int ABC = 257;

  /** A space and an a. */
  public static final int SPACE_A = 258;

  /** The first two bytes of the three of a euro sign. */
  public static final int EURO_BEGUN = 259;

  public static final int NEWLINES = 260;

  /** The special token at a text's end. */
  public static final int END = 261;

  /** The special token at a text's begin. */
  public static final int BEGIN = 262;

  /** A tool token: added, but not special. */
  public static final int TOOL = 263;

  public static final int VOCABULARY_SIZE = 264;

  private static final String BYTE_LEVEL =
      """
      {"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true}\
      """;

  private TinyTokenizer() {}

  /** Writes the file. */
  public static Path write(Path folder) throws IOException {
    Path file = folder.resolve("tokenizer.json");
    try (JsonGenerator json = new JsonFactory().createGenerator(Files.newBufferedWriter(file))) {
      json.writeStartObject();
      json.writeStringField("version", "1.0");
      // Some models' files ask for this; it must not cut what is counted.
      json.writeFieldName("truncation");
      json.writeRawValue(
          "{\"direction\":\"Right\",\"max_length\":4,\"strategy\":\"LongestFirst\",\"stride\":0}");
      json.writeArrayFieldStart("added_tokens");
      added(json, END, "<|end|>", true);
      added(json, BEGIN, "<|begin|>", true);
      added(json, TOOL, "<tool>", false);
      json.writeEndArray();
      json.writeFieldName("pre_tokenizer");
      json.writeRawValue(BYTE_LEVEL);
      json.writeFieldName("post_processor");
      json.writeRawValue(
          """
          {"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<|begin|>","type_id":0}},\
          {"Sequence":{"id":"A","type_id":0}}],"pair":[{"Sequence":{"id":"A","type_id":0}},\
          {"Sequence":{"id":"B","type_id":1}}],"special_tokens":{"<|begin|>":{"id":"<|begin|>",\
          "ids":[262],"tokens":["<|begin|>"]}}}\
          """);
      json.writeFieldName("decoder");
      json.writeRawValue("{\"type\":\"Sequence\",\"decoders\":[" + BYTE_LEVEL + "]}");
      json.writeObjectFieldStart("model");
      json.writeStringField("type", "BPE");
      json.writeObjectFieldStart("vocab");
      for (int b = 0; b < 256; b++) {
        json.writeNumberField(String.valueOf(ByteLevel.character(b)), b);
      }
      json.writeNumberField("ab", AB);
      json.writeNumberField("abc", ABC);
      json.writeNumberField(letters(" a"), SPACE_A);
      json.writeNumberField(letters("€").substring(0, 2), EURO_BEGUN);
      json.writeNumberField(letters("\n\n"), NEWLINES);
      json.writeEndObject();
      json.writeArrayFieldStart("merges");
      json.writeString("a b");
      json.writeString("ab c");
      json.writeString(letters(" ") + " a");
      json.writeString(letters("€").charAt(0) + " " + letters("€").charAt(1));
      json.writeString(letters("\n") + " " + letters("\n"));
      json.writeEndArray();
      json.writeEndObject();
      json.writeEndObject();
    }
    return file;
  }

  private static void added(JsonGenerator json, int id, String content, boolean special)
      throws IOException {
    json.writeStartObject();
    json.writeNumberField("id", id);
    json.writeStringField("content", content);
    for (String flag : new String[] {"single_word", "lstrip", "rstrip", "normalized"}) {
      json.writeBooleanField(flag, false);
    }
    json.writeBooleanField("special", special);
    json.writeEndObject();
  }

  private static String letters(String text) {
    StringBuilder letters = new StringBuilder();
    for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
      letters.append(ByteLevel.character(b & 0xff));
    }
    return letters.toString();
  }
}
