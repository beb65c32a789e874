// A server over stdio with what MCP's conformance suite asks of a server.

import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import {
  CallToolRequestSchema,
  CompleteRequestSchema,
  CreateMessageResultSchema,
  ElicitResultSchema,
  GetPromptRequestSchema,
  ListPromptsRequestSchema,
  ListResourcesRequestSchema,
  ListResourceTemplatesRequestSchema,
  ListToolsRequestSchema,
  ReadResourceRequestSchema,
  SetLevelRequestSchema,
  SubscribeRequestSchema,
  UnsubscribeRequestSchema,
} from "@modelcontextprotocol/sdk/types.js";

const DATA = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGP4z8DwHwAFAAH/iZk9HQAAAABJRU5ErkJggg==";

const text = (words) => ({ type: "text", text: words });
const image = { type: "image", data: DATA, mimeType: "image/png" };
const resource = (uri, words, mimeType = "text/plain") => ({
  type: "resource",
  resource: { uri, mimeType, text: words },
});
const wait = () => new Promise((resolve) => setTimeout(resolve, 50));

async function elicit({ sendRequest }, message, properties, required = []) {
  const requestedSchema = { type: "object", properties, required };
  const request = { method: "elicitation/create", params: { message, requestedSchema } };
  const { action, content } = await sendRequest(request, ElicitResultSchema);
  return [text(`action=${action}, content=${JSON.stringify(content)}`)];
}

const options = ["option1", "option2", "option3"];
const titled = options.map((option) => ({ const: option, title: `The ${option}` }));

// Each takes the arguments and what comes with the request, and returns content.
const tools = {
  test_simple_text: () => [text("This is a simple text response for testing.")],
  test_image_content: () => [image],
  test_audio_content: () => [{ type: "audio", data: DATA, mimeType: "audio/wav" }],
  test_embedded_resource: () => [resource("test://embedded-resource", "It is in here.")],
  test_multiple_content_types: () => [
    text("Several:"),
    image,
    resource("test://mixed-content-resource", '{"test":"data","value":123}', "application/json"),
  ],
  async test_tool_with_logging(_, { sendNotification }) {
    for (const data of ["started", "goes on", "ended"]) {
      await sendNotification({ method: "notifications/message", params: { level: "info", data } });
      await wait();
    }
    return [text("Logged.")];
  },
  test_error_handling() {
    throw new Error("This tool intentionally returns an error for testing");
  },
  async test_tool_with_progress(_, { _meta, sendNotification }) {
    for (const progress of [0, 50, 100]) {
      const params = { progressToken: _meta?.progressToken, progress, total: 100 };
      if (_meta?.progressToken !== undefined)
        await sendNotification({ method: "notifications/progress", params });
      await wait();
    }
    return [text("Done.")];
  },
  async test_sampling({ prompt }, { sendRequest }) {
    const messages = [{ role: "user", content: text(prompt) }];
    const request = { method: "sampling/createMessage", params: { messages, maxTokens: 100 } };
    const { content } = await sendRequest(request, CreateMessageResultSchema);
    return [text(`LLM response: ${content.text}`)];
  },
  test_elicitation({ message }, extra) {
    const properties = { username: { type: "string" }, email: { type: "string" } };
    return elicit(extra, message, properties, ["username", "email"]);
  },
  test_elicitation_sep1034_defaults: (_, extra) =>
    elicit(extra, "Defaults", {
      name: { type: "string", default: "John Doe" },
      age: { type: "integer", default: 30 },
      score: { type: "number", default: 95.5 },
      status: { type: "string", enum: ["active", "inactive", "pending"], default: "active" },
      verified: { type: "boolean", default: true },
    }),
  test_elicitation_sep1330_enums: (_, extra) =>
    elicit(extra, "Choices", {
      untitledSingle: { type: "string", enum: options },
      titledSingle: { type: "string", oneOf: titled },
      legacyEnum: { type: "string", enum: options, enumNames: ["One", "Two", "Three"] },
      untitledMulti: { type: "array", items: { type: "string", enum: options } },
      titledMulti: { type: "array", items: { anyOf: titled } },
    }),
};

const resources = {
  "test://static-text": { mimeType: "text/plain", text: "This is the content." },
  "test://static-binary": { mimeType: "image/png", blob: DATA },
  "test://watched-resource": { mimeType: "text/plain", text: "It is watched." },
};

const prompts = {
  test_simple_prompt: () => [text("This is a simple prompt for testing.")],
  test_prompt_with_arguments: ({ arg1, arg2 }) => [text(`arg1='${arg1}', arg2='${arg2}'`)],
  test_prompt_with_embedded_resource: ({ resourceUri }) => [
    resource(resourceUri, "It is in here."),
    text("Read that."),
  ],
  test_prompt_with_image: () => [image, text("Look at that.")],
};
const needed = {
  test_prompt_with_arguments: ["arg1", "arg2"],
  test_prompt_with_embedded_resource: ["resourceUri"],
};

const capabilities = {
  completions: {},
  logging: {},
  prompts: {},
  resources: { subscribe: true },
  tools: {},
};
const server = new Server({ name: "conforming", version: "1.0.0" }, { capabilities });

server.setRequestHandler(ListToolsRequestSchema, () => ({
  tools: Object.keys(tools).map((name) => ({
    name,
    description: `The tool ${name}`,
    inputSchema: { type: "object" },
  })),
}));
server.setRequestHandler(CallToolRequestSchema, async ({ params }, extra) => {
  try {
    return { content: await tools[params.name](params.arguments ?? {}, extra) };
  } catch (error) {
    return { content: [text(error.message)], isError: true };
  }
});
server.setRequestHandler(ListResourcesRequestSchema, () => ({
  resources: Object.entries(resources).map(([uri, { mimeType }]) => ({
    uri,
    name: uri,
    description: `The resource ${uri}`,
    mimeType,
  })),
}));
server.setRequestHandler(ListResourceTemplatesRequestSchema, () => ({
  resourceTemplates: [{ uriTemplate: "test://template/{id}/data", name: "template" }],
}));
server.setRequestHandler(ReadResourceRequestSchema, ({ params: { uri } }) => {
  const id = /^test:\/\/template\/(.+)\/data$/.exec(uri)?.[1];
  const found = id ? { mimeType: "application/json", text: JSON.stringify({ id }) } : resources[uri];
  return { contents: [{ uri, ...found }] };
});
server.setRequestHandler(ListPromptsRequestSchema, () => ({
  prompts: Object.keys(prompts).map((name) => ({
    name,
    description: `The prompt ${name}`,
    arguments: needed[name]?.map((argument) => ({ name: argument, required: true })),
  })),
}));
server.setRequestHandler(GetPromptRequestSchema, ({ params }) => ({
  messages: prompts[params.name](params.arguments ?? {}).map((content) => ({ role: "user", content })),
}));
server.setRequestHandler(CompleteRequestSchema, () => ({ completion: { values: [] } }));
for (const schema of [SetLevelRequestSchema, SubscribeRequestSchema, UnsubscribeRequestSchema])
  server.setRequestHandler(schema, () => ({}));

await server.connect(new StdioServerTransport());
