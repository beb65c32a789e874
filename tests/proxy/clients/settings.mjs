// Reads settings as their client does, by its own library: lines of [client, path] come in, and a line
// of JSON with what is in each file goes out.

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { parse, printParseErrorCode } from "jsonc-parser";
import stripJsonComments from "strip-json-comments";

const STRICT = ["claude-code", "claude-desktop"];

function read(client, text) {
  if (STRICT.includes(client)) return JSON.parse(text);
  if (client === "gemini-cli" || client === "windsurf") return JSON.parse(stripJsonComments(text));
  const errors = [];
  const value = parse(text, errors, { allowTrailingComma: true });
  if (errors.length > 0) throw new Error(printParseErrorCode(errors[0].error));
  return value;
}

for await (const line of createInterface({ input: process.stdin })) {
  const [client, path] = JSON.parse(line);
  const text = readFileSync(path, "utf8").replace(/^\ufeff/, "");
  console.log(JSON.stringify(text.trim() === "" ? {} : read(client, text)));
}
