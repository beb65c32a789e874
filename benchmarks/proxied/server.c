/* The least server: `server SIZE` answers each call with a result of SIZE bytes, and each other
   request with an empty one. At the start of main() it writes a byte to stderr, and one line, which
   is empty, to stdout. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void put(const char *data, size_t size) {
  while (size > 0) {
    ssize_t written = write(STDOUT_FILENO, data, size);
    if (written < 0) exit(1);
    data += written;
    size -= (size_t)written;
  }
}

/* Answers with the id of the request, which is a number, as all of the client's are. */
static void answer(const char *request, size_t size, char *text) {
  const char *id = strstr(request, "\"id\":");
  if (id == NULL) return; /* a notification */
  long number = strtol(id + 5, NULL, 10);
  static const char *const end = "\"}],\"isError\":false}}\n";
  static char *message;
  static size_t room;
  if (room < size + 200) message = realloc(message, room = size + 200);
  int head;
  if (strstr(request, "\"tools/call\"") == NULL) {
    head = sprintf(message,
                   "{\"jsonrpc\":\"2.0\",\"id\":%ld,\"result\":{\"protocolVersion\":\"2025-11-25\","
                   "\"capabilities\":{},\"serverInfo\":{\"name\":\"server\",\"version\":\"1\"}}}\n",
                   number);
    put(message, (size_t)head);
    return;
  }
  head = sprintf(message,
                 "{\"jsonrpc\":\"2.0\",\"id\":%ld,\"result\":{\"content\":[{\"type\":\"text\","
                 "\"text\":\"",
                 number);
  size_t around = (size_t)head + strlen(end);
  size_t words = size > around ? size - around : 0;
  memcpy(message + head, text, words);
  memcpy(message + head + words, end, strlen(end));
  put(message, (size_t)head + words + strlen(end));
}

int main(int count, char **arguments) {
  if (write(STDERR_FILENO, ".", 1) < 0) return 1;
  put("\n", 1);
  size_t size = count > 1 ? strtoul(arguments[1], NULL, 10) : 200;
  char *text = malloc(size + 1);
  memset(text, 'x', size + 1);
  static char line[65536];
  size_t filled = 0;
  for (;;) {
    ssize_t got = read(STDIN_FILENO, line + filled, sizeof line - filled - 1);
    if (got <= 0) return got < 0;
    filled += (size_t)got;
    char *start = line, *end;
    while ((end = memchr(start, '\n', filled - (size_t)(start - line))) != NULL) {
      *end = '\0';
      answer(start, size, text);
      start = end + 1;
    }
    filled -= (size_t)(start - line);
    memmove(line, start, filled);
  }
}
