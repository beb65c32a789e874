/* The least relay: `relay COMMAND...` starts a command and hands on what comes, both ways, with two
   pumps. It looks at nothing. */

#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

struct pump {
  int from, to;
};

static void *run(void *argument) {
  struct pump *pump = argument;
  char *data = malloc(65536);
  ssize_t got;
  while ((got = read(pump->from, data, 65536)) > 0) {
    for (ssize_t done = 0; done < got;) {
      ssize_t written = write(pump->to, data + done, (size_t)(got - done));
      if (written < 0) exit(1);
      done += written;
    }
  }
  close(pump->to);
  free(data);
  return NULL;
}

int main(int count, char **arguments) {
  int in[2], out[2];
  if (count < 2 || pipe(in) || pipe(out)) return 1;
  pid_t child = fork();
  if (child == 0) {
    dup2(in[0], STDIN_FILENO);
    dup2(out[1], STDOUT_FILENO);
    close(in[0]), close(in[1]), close(out[0]), close(out[1]);
    execvp(arguments[1], arguments + 1);
    _exit(127);
  }
  close(in[0]), close(out[1]);
  struct pump there = {STDIN_FILENO, in[1]}, back = {out[0], STDOUT_FILENO};
  pthread_t thread;
  if (pthread_create(&thread, NULL, run, &there)) return 1;
  run(&back);
  int status;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
