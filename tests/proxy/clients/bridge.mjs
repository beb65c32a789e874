// Lets clients that speak HTTP reach a server that speaks stdio: `node bridge.mjs COMMAND...`.
// Each session has a server of its own. Prints the port on which it listens; ends with its input.

import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";

const [command, ...args] = process.argv.slice(2);
const sessions = new Map();

async function open() {
  const http = new StreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    onsessioninitialized: (id) => sessions.set(id, http),
    enableDnsRebindingProtection: true,
    allowedHosts: [`127.0.0.1:${listening.address().port}`],
  });
  const stdio = new StdioClientTransport({ command, args, env: process.env, stderr: "ignore" });
  const waiting = new Set();
  http.onmessage = (message) => {
    if (message.method && message.id !== undefined) waiting.add(message.id);
    stdio.send(message);
  };
  stdio.onmessage = (message) => {
    if (message.method) {
      const [relatedRequestId] = waiting; // of one that waits, as stdio does not say of which
      http.send(message, { relatedRequestId });
    } else {
      waiting.delete(message.id);
      http.send(message);
    }
  };
  http.onclose = () => stdio.close();
  await http.start();
  await stdio.start();
  return http;
}

const listening = createServer(async (request, response) => {
  const known = sessions.get(request.headers["mcp-session-id"]);
  await (known ?? (await open())).handleRequest(request, response);
});
listening.listen(0, "127.0.0.1", () => console.log(listening.address().port));
process.stdin.on("end", () => process.exit()).resume();
