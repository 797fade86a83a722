package io.github.trimtab.engine.text;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What the assistant says in a chat that is one JSON object: {@code messages} of {@code role} and
 * {@code content} (a text, or parts with a {@code text}), or {@code conversations} of {@code from}
 * and {@code value}.
 */
public final class ChatLines {
  private static final JsonFactory JSON = new JsonFactory();
  private static final Set<String> ASSISTANT = Set.of("assistant", "gpt", "model");

  private ChatLines() {}

  /**
   * The assistant's texts in their order.
   *
   * @throws IllegalArgumentException if the line is no such chat
   */
  public static List<String> assistantTexts(String line) {
    try (JsonParser parser = JSON.createParser(line)) {
      List<String> texts = new ArrayList<>();
      boolean isChat = false;
      if (parser.nextToken() == JsonToken.START_OBJECT) {
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
          String key = parser.currentName();
          JsonToken value = parser.nextToken();
          if (value == JsonToken.START_ARRAY
              && (key.equals("messages") || key.equals("conversations"))) {
            isChat = true;
            readTurns(parser, texts);
          } else {
            parser.skipChildren();
          }
        }
      }
      if (!isChat || parser.nextToken() != null) {
        throw new IllegalArgumentException(
            "not a chat, expected one object with messages or conversations");
      }
      return texts;
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(e.getOriginalMessage() + ", expected one JSON object", e);
    } catch (IOException e) {
      throw new IllegalArgumentException(e.getMessage(), e);
    }
  }

  private static void readTurns(JsonParser parser, List<String> texts) throws IOException {
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      if (parser.currentToken() != JsonToken.START_OBJECT) {
        throw new IllegalArgumentException("turn: " + parser.getText() + ", expected an object");
      }
      String speaker = null;
      List<String> said = new ArrayList<>();
      while (parser.nextToken() == JsonToken.FIELD_NAME) {
        String key = parser.currentName();
        JsonToken value = parser.nextToken();
        switch (key) {
          case "role", "from" ->
              speaker = value == JsonToken.VALUE_STRING ? parser.getText() : null;
          case "content", "value" -> readContent(parser, said);
          default -> parser.skipChildren();
        }
      }
      if (isAssistant(speaker)) {
        texts.addAll(said);
      }
    }
  }

  private static boolean isAssistant(@Nullable String speaker) {
    return speaker != null && ASSISTANT.contains(speaker);
  }

  private static void readContent(JsonParser parser, List<String> said) throws IOException {
    if (parser.currentToken() == JsonToken.VALUE_STRING) {
      said.add(parser.getText());
    } else if (parser.currentToken() == JsonToken.START_ARRAY) {
      int depth = 1;
      while (depth > 0) {
        JsonToken token = parser.nextToken();
        if (token == null) {
          return;
        }
        depth += token.isStructStart() ? 1 : token.isStructEnd() ? -1 : 0;
        if (token == JsonToken.VALUE_STRING && "text".equals(parser.currentName())) {
          said.add(parser.getText());
        }
      }
    } else {
      // Null where the assistant only calls a tool.
      parser.skipChildren();
    }
  }
}
