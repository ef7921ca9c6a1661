// Judges recorded requests by the vendor's own request schemas (@larksuiteoapi/lark-mcp, generated zod).
// stdin: one JSON a line, {method, path, query, body}. stdout: one JSON a line, {tool: name or null, errors: []}.

import { readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";

const require = createRequire(import.meta.url);
const { z } = require("zod");
const manifest = require.resolve("@larksuiteoapi/lark-mcp/package.json");
const folder = join(dirname(manifest), "dist/mcp-tool/tools/en/gen-tools/zod");

// Zod drops unknown keys silently; here they are errors, at every depth. Maps (catchall) stay open.
function strict(schema) {
  const def = schema._def;
  switch (def.typeName) {
    case "ZodObject": {
      if (def.catchall._def.typeName !== "ZodNever") return schema;
      const shape = Object.fromEntries(Object.entries(schema.shape).map(([key, part]) => [key, strict(part)]));
      return z.object(shape).strict();
    }
    case "ZodArray": return z.array(strict(schema.element));
    case "ZodOptional": return strict(schema.unwrap()).optional();
    case "ZodNullable": return strict(schema.unwrap()).nullable();
    case "ZodUnion": return z.union(def.options.map(strict));
    case "ZodDefault": return strict(def.innerType).optional();
    default: return schema;
  }
}

// A query is text; the schemas speak of numbers, booleans and lists.
function fromText(schema, text) {
  const def = schema._def;
  switch (def.typeName) {
    case "ZodOptional": case "ZodNullable": return fromText(schema.unwrap(), text);
    case "ZodDefault": return fromText(def.innerType, text);
    case "ZodNumber": return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
    case "ZodBoolean": return text === "true" ? true : text === "false" ? false : text;
    case "ZodArray": return (Array.isArray(text) ? text : [text]).map((one) => fromText(schema.element, one));
    default: return text;
  }
}

function objectOf(schema) {
  while (["ZodOptional", "ZodNullable"].includes(schema._def.typeName)) schema = schema.unwrap();
  return schema;
}

function load() {
  const tools = [];
  for (const file of readdirSync(folder).filter((name) => name.endsWith(".js"))) {
    for (const tool of Object.values(require(join(folder, file)))) {
      if (!tool || !tool.path || !tool.schema) continue;
      const pattern = tool.path.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replace(/:(\w+)/g, "(?<$1>[^/]+)");
      const names = (tool.path.match(/:\w+/g) ?? []).length;
      tools.push({ ...tool, names, regex: new RegExp(`^${pattern}$`) });
    }
  }
  return tools.sort((a, b) => a.names - b.names); // fixed paths before patterns
}

function problems(place, schema, value, absent) {
  if (!schema) return absent ? [] : [`${place}: the schema has none`];
  const result = strict(schema).safeParse(value);
  if (result.success) return [];
  return result.error.issues.map((issue) => {
    const path = [place, ...issue.path].join(".");
    const keys = issue.keys ? ` (${issue.keys.join(", ")})` : "";
    return `${path}: ${issue.message}${keys}`;
  });
}

function judge(tools, { method, path, query, body }) {
  const tool = tools.find((one) => one.httpMethod === method && one.regex.test(path));
  if (!tool) return { tool: null, errors: [] };
  const { data, params, path: inPath } = tool.schema;
  const asked = query ?? {};
  const shape = params ? objectOf(params).shape : {};
  const typed = Object.fromEntries(
    Object.entries(asked).map(([key, text]) => [key, shape[key] ? fromText(shape[key], text) : text]),
  );
  const groups = path.match(tool.regex).groups ?? {};
  const noQuery = Object.keys(asked).length === 0;
  const noBody = body === null || body === undefined;
  return {
    tool: tool.name,
    errors: [
      ...problems("path", inPath, Object.fromEntries(Object.entries(groups)), Object.keys(groups).length === 0),
      ...problems("query", params, noQuery && params && params.isOptional() ? undefined : typed, noQuery),
      ...problems("body", data, noBody ? undefined : body, noBody),
    ],
  };
}

const tools = load();
for await (const line of createInterface({ input: process.stdin })) {
  if (line.trim()) console.log(JSON.stringify(judge(tools, JSON.parse(line))));
}
