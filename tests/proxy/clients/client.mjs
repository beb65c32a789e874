// Plays a client of the TypeScript SDK: `node client.mjs PLAYS`, as client.py does that of Python's.

import { closeSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { SSEClientTransport } from "@modelcontextprotocol/sdk/client/sse.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
  McpError,
  ResultSchema,
} from "@modelcontextprotocol/sdk/types.js";

function transport(play, errors) {
  if (!play.url) {
    const [command, ...args] = play.command;
    return new StdioClientTransport({ command, args, env: play.env, stderr: errors });
  }
  const Transport = play.url.endsWith("/sse") ? SSEClientTransport : StreamableHTTPClientTransport;
  return new Transport(new URL(play.url));
}

async function connect(play, asked, errors) {
  const client = new Client(
    { name: play.client, version: play.version },
    { capabilities: { sampling: {}, elicitation: {}, roots: {} } },
  );
  const answer = (schema, result) =>
    client.setRequestHandler(schema, (request) => {
      asked.add(request.method);
      return result;
    });
  answer(CreateMessageRequestSchema, {
    role: "assistant",
    content: { type: "text", text: "It rains." },
    model: "a model",
  });
  answer(ElicitRequestSchema, { action: "accept", content: { name: "Ada", check: true } });
  answer(ListRootsRequestSchema, {
    roots: [{ uri: pathToFileURL(play.root).href, name: "the root" }],
  });
  await client.connect(transport(play, errors));
  return client;
}

async function call(client, { params, how }) {
  const seen = [];
  const controller = new AbortController();
  const options = {};
  if (how === "progress" || how === "cancel") {
    options.onprogress = ({ progress, total }) => {
      // The last is lost in the client if the answer comes in the same read.
      if (progress !== total) seen.push(progress);
      if (how === "cancel") controller.abort("no longer needed");
    };
  }
  if (how === "cancel") options.signal = controller.signal;
  if (how === "timeout") options.timeout = 200;
  try {
    const answer = await client.callTool(params, undefined, options);
    return how === "progress" ? [seen, answer] : answer;
  } catch (error) {
    if (controller.signal.aborted) return "cancelled";
    throw error;
  }
}

for (const play of JSON.parse(readFileSync(process.argv[2], "utf-8"))) {
  const asked = new Set();
  const errors = openSync(play.stderr, "w");
  const client = await connect(play, asked, errors);
  const got = [];
  for (const step of play.steps) {
    try {
      const { method, params } = step;
      got.push(
        method === "tools/call"
          ? await call(client, step)
          : await client.request({ method, params }, ResultSchema),
      );
    } catch (error) {
      if (!(error instanceof McpError)) throw error;
      const { code, message, data } = error;
      got.push({ error: { code, message, data } });
    }
  }
  await client.close();
  closeSync(errors);
  writeFileSync(play.output, JSON.stringify({ got, asked: [...asked].sort() }));
}
