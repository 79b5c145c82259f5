// The npm packages `openai` and `@anthropic-ai/sdk` behind `samewire record`, then behind its recordings. Usage:
//   node test-proxy.mjs SAMEWIRE
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";

const samewire = process.argv[2];
const KEY = "planted-key-of-nobody-0123456789";

// ── A service of both kinds, which waits in the middle of each stream until the client has its beginning ──

let clientHasBeginning;
const service = createServer(async (request, response) => {
  for await (const _ of request);
  const key = request.headers.authorization?.replace("Bearer ", "") ?? request.headers["x-api-key"];
  if (key !== KEY) {
    response.writeHead(401, { "content-type": "application/json" });
    response.end(JSON.stringify({ error: { type: "invalid_request_error", message: `Incorrect API key: ${key}, ${key.slice(0, 8)}****${key.slice(-4)}` } }));
    return;
  }
  const [first, ...rest] = request.url.startsWith("/v1/messages") ? MESSAGES : COMPLETIONS;
  const begun = new Promise((resolve) => { clientHasBeginning = resolve; });
  response.writeHead(200, { "content-type": "text/event-stream", "set-cookie": "session=planted-cookie-987654; Path=/" });
  response.write(first);
  await begun;
  response.end(rest.join(""));
});

const data = (event) => `data: ${JSON.stringify(event)}\n\n`;
const named = (event) => `event: ${event.type}\n${data(event)}`;
const chunk = (delta, finish_reason = null) => data({ id: "c", object: "chat.completion.chunk", created: 1, model: "m", choices: [{ index: 0, delta, finish_reason }] });
const COMPLETIONS = [chunk({ role: "assistant", content: "Hel" }), chunk({ content: "lo" }), chunk({}, "stop"), "data: [DONE]\n\n"];
const delta = (text) => named({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text } });
const MESSAGES = [
  named({ type: "message_start", message: { id: "m", type: "message", role: "assistant", model: "m", content: [], stop_reason: null, stop_sequence: null, usage: { input_tokens: 1, output_tokens: 1 } } })
    + named({ type: "content_block_start", index: 0, content_block: { type: "text", text: "" } }) + delta("Hel"),
  delta("lo"),
  named({ type: "content_block_stop", index: 0 }),
  named({ type: "message_delta", delta: { stop_reason: "end_turn", stop_sequence: null }, usage: { output_tokens: 2 } }),
  named({ type: "message_stop" }),
];

// ── The clients ─────────────────────────────────────────────────────────────────────────────────────────────

async function askAll(address, apiKey) {
  const messages = [{ role: "user", content: "Hi" }];
  const openai = new OpenAI({ apiKey, baseURL: `${address}/v1`, maxRetries: 0 });
  const anthropic = new Anthropic({ apiKey, baseURL: address, maxRetries: 0 });
  const texts = { openai: [], anthropic: [] };
  for await (const part of await openai.chat.completions.create({ model: "m", messages, stream: true })) {
    texts.openai.push(part.choices[0].delta.content ?? "");
    clientHasBeginning?.();
  }
  for await (const event of await anthropic.messages.create({ model: "m", max_tokens: 9, messages, stream: true })) {
    if (event.type === "content_block_delta") { texts.anthropic.push(event.delta.text); clientHasBeginning?.(); }
  }
  return texts;
}

async function refused(address) {
  const openai = new OpenAI({ apiKey: `${KEY}-wrong`, baseURL: `${address}/v1`, maxRetries: 0 });
  const failure = await openai.models.list().then(() => null, (error) => error);
  assert.equal(failure?.status, 401);
  return failure.message;
}

// ── The proxy ───────────────────────────────────────────────────────────────────────────────────────────────

async function withProxy(options, use) {
  const child = spawn(samewire, ["record", "--listen", "127.0.0.1:0", ...options], { stdio: ["ignore", "inherit", "pipe"] });
  let told = "", woken = () => {};
  child.stderr.setEncoding("utf8").on("data", (text) => { told += text; woken(); });
  const ended = new Promise((resolve) => child.on("exit", (code) => { woken(); resolve(code); }));
  const until = async (pattern) => {
    while (!pattern.test(told)) {
      assert.equal(child.exitCode, null, `the proxy ended: ${told}`);
      await new Promise((resolve) => { woken = resolve; });
    }
    return told.match(pattern)[0];
  };
  try {
    await use(await until(/http:\/\/127\.0\.0\.1:\d+/), until);
  } finally {
    child.kill("SIGINT");
    await ended;
  }
  return told;
}

const folder = mkdtempSync(join(tmpdir(), "samewire-record-"));
try {
  await new Promise((resolve) => service.listen(0, "127.0.0.1", resolve));
  let live, message;
  const told = await withProxy(["--upstream", `http://127.0.0.1:${service.address().port}`, "--out", folder], async (address, until) => {
    live = await askAll(address, KEY);
    message = await refused(address);
    await until(/(kept as [^]*){3}/);
  });
  service.close();
  assert.deepEqual(live, { openai: ["Hel", "lo", ""], anthropic: ["Hel", "lo"] });
  assert.match(message, /planted-key/, "the client gets the service's own words");
  const files = readdirSync(join(folder, "127.0.0.1")).map((name) => join(folder, "127.0.0.1", name));
  assert.equal(files.length, 3, files.join("\n"));
  for (const text of [told, ...files.map((file) => readFileSync(file, "utf8"))]) {
    assert.ok(!/planted|6789/.test(text), text);
  }
  console.log(`ok openai and @anthropic-ai/sdk are recorded, in ${files.length} files without secrets`);

  await withProxy(["--replay", folder], async (address) => {
    assert.deepEqual(await askAll(address, "another-key-altogether"), live);
    assert.match(await refused(address), /REDACTED/);
    assert.deepEqual(await askAll(address, "another-key-altogether"), live, "also a second time");
  });
  console.log("ok the recordings answer them without the service");
} finally {
  service.close();
  rmSync(folder, { recursive: true, force: true });
}
