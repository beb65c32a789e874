/* Calls a tool again and again: `client CALLS PAUSE_US COMMAND...`.

   It starts the command and waits for the byte on stderr and the line on stdout that the server
   writes at its start. It prints how many nanoseconds each of the two took, and then those of each
   call, one number a line. Between two calls it waits for so many microseconds. */

#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int to, from;

static long long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void put(const char *data, size_t size) {
  while (size > 0) {
    ssize_t written = write(to, data, size);
    if (written < 0) exit(3);
    data += written;
    size -= (size_t)written;
  }
}

/* Reads until the end of a line; there is never more than one. */
static void line(void) {
  static char data[1 << 20];
  ssize_t got;
  do {
    got = read(from, data, sizeof data);
    if (got <= 0) exit(4);
  } while (data[got - 1] != '\n');
}

/* Calls the tool; the request is a hundred bytes long. */
static void call(long id) {
  char request[120];
  int size = snprintf(request, sizeof request,
                      "{\"jsonrpc\":\"2.0\",\"id\":%ld,\"method\":\"tools/call\",\"params\":"
                      "{\"name\":\"a\",\"arguments\":{\"t\":\"xxxxx\"}}}\n",
                      100000 + id);
  put(request, (size_t)size);
  line();
}

int main(int count, char **arguments) {
  int in[2], out[2], err[2];
  if (count < 4) return 2;
  long calls = atol(arguments[1]);
  long pause = atol(arguments[2]);
  if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC)) return 2;
  long long begin = now();
  pid_t child = vfork();
  if (child == 0) {
    dup2(in[0], STDIN_FILENO);
    dup2(out[1], STDOUT_FILENO);
    dup2(err[1], STDERR_FILENO);
    execv(arguments[3], arguments + 3);
    _exit(127);
  }
  close(in[0]), close(out[1]), close(err[1]);
  to = in[1], from = out[0];
  char byte;
  if (read(err[0], &byte, 1) != 1 || byte != '.') return 5;
  printf("%lld\n", now() - begin);
  line();
  printf("%lld\n", now() - begin);
  static const char hello[] =
      "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{\"protocolVersion\":"
      "\"2025-11-25\",\"capabilities\":{},\"clientInfo\":{\"name\":\"client\",\"version\":\"1\"}}}\n";
  put(hello, sizeof hello - 1);
  line();
  long long *took = calloc((size_t)calls + 1, sizeof *took);
  struct timespec wait = {pause / 1000000, pause % 1000000 * 1000};
  for (long id = 0; id < calls; id++) {
    if (pause) nanosleep(&wait, NULL);
    long long start = now();
    call(id);
    took[id] = now() - start;
  }
  close(to);
  int status;
  waitpid(child, &status, 0);
  for (long id = 0; id < calls; id++) printf("%lld\n", took[id]);
  return status != 0;
}
