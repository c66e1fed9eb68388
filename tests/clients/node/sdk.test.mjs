// The official `openai` package for Node, unmodified, through the real daemon. The primary fails in one
// way or another; the library must notice nothing, or raise exactly the error that belongs to the case.
// run.py starts the daemon and the simulated upstreams and passes their addresses.
import assert from "node:assert/strict";
import { File } from "node:buffer";
import { before, describe, test } from "node:test";

import OpenAI, { toFile } from "openai";

// The library needs this global for uploads; Node 18 has the class but not the global.
globalThis.File ??= File;

const { GATEWAY, BACKUP } = process.env;
const FAULTS = process.env.FAULTS.split(" ");
const MODELS = process.env.MODELS.split(" ");
const CLIENT_KEY = "sk-of-the-client";
const messages = [{ role: "user", content: "Say the sixty words, caf\u00e9 \u{1f600}." }];
const tools = [{
  type: "function",
  function: {
    name: "get_weather",
    description: "Weather of a city",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
}];

// Without retries of its own: they would hide what the daemon does.
const client = new OpenAI({
  baseURL: `${GATEWAY}/v1`, apiKey: CLIENT_KEY, maxRetries: 0, timeout: 30_000 });
// Straight to the simulated upstream: what a healthy answer looks like.
const direct = new OpenAI({ baseURL: `${BACKUP}/v1`, apiKey: "any", maxRetries: 0 });

let healthyText;
before(async () => {
  const answer = await direct.chat.completions.create({ model: "ok", messages });
  healthyText = answer.choices[0].message.content;
  assert.equal(healthyText.split(/\s+/).length, 60);
});

function assertRescued(response) {
  assert.equal(response.headers.get("x-understudy-upstream"), "backup");
  assert.equal(response.headers.get("x-understudy-attempts"), "2");
}

async function collect(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

const choicesOf = (chunks) => chunks.flatMap((chunk) => chunk.choices);
const textOf = (chunks) => choicesOf(chunks).map((choice) => choice.delta.content ?? "").join("");
const finishOf = (chunks) =>
  choicesOf(chunks).map((choice) => choice.finish_reason).filter((reason) => reason);

/** The error that the call ends with. */
async function failure(call) {
  try {
    await call();
  } catch (error) {
    return error;
  }
  assert.fail("the call succeeded");
}

describe("a broken stream", () => {
  for (const model of process.env.RESCUES.split(" ")) {
    test(`reads as one answer: ${model}`, async () => {
      const chunks = await collect(await client.chat.completions.create({
        model, messages, stream: true }));
      assert.equal(textOf(chunks), healthyText);
      assert.deepEqual(finishOf(chunks), ["stop"]);
      assert.equal(new Set(chunks.map((chunk) => chunk.id)).size, 1);
    });
  }
});

for (const fault of FAULTS) {
  describe(`primary is ${fault}:`, () => {
    test("a plain answer comes from the backup", async () => {
      const { data, response } = await client.chat.completions
        .create({ model: fault, messages }).withResponse();
      assert.equal(data.choices[0].message.content, healthyText);
      assert.equal(data.choices[0].finish_reason, "stop");
      assert.ok(data.usage.total_tokens > 0);
      assertRescued(response);
    });

    test("a streamed answer comes from the backup", async () => {
      const { data, response } = await client.chat.completions
        .create({ model: fault, messages, stream: true }).withResponse();
      const chunks = await collect(data);
      assertRescued(response);
      assert.equal(textOf(chunks), healthyText);
      assert.deepEqual(finishOf(chunks), ["stop"]);
      assert.ok(chunks.every((chunk) => chunk.choices.length > 0 && !chunk.usage));
    });

    test("a stream reports usage when asked", async () => {
      const chunks = await collect(await client.chat.completions.create({
        model: fault, messages, stream: true, stream_options: { include_usage: true } }));
      assert.equal(textOf(chunks), healthyText);
      assert.ok(chunks.at(-1).usage.completion_tokens > 0);
    });

    test("a tool call comes from the backup", async () => {
      const expected = await direct.chat.completions.create({ model: "tools", messages, tools });
      const got = await client.chat.completions.create({
        model: `${fault}-tools`, messages, tools });
      assert.equal(got.choices[0].finish_reason, "tool_calls");
      assert.deepEqual(got.choices[0].message.tool_calls[0].function,
        expected.choices[0].message.tool_calls[0].function);
    });

    test("a streamed tool call comes from the backup", async () => {
      const expected = await direct.chat.completions.create({ model: "tools", messages, tools });
      const stream = client.chat.completions.stream({ model: `${fault}-tools`, messages, tools });
      const got = await stream.finalChatCompletion();
      const call = got.choices[0].message.tool_calls[0].function;
      const wanted = expected.choices[0].message.tool_calls[0].function;
      assert.equal(call.name, wanted.name);
      assert.deepEqual(JSON.parse(call.arguments), JSON.parse(wanted.arguments));
    });

    test("embeddings come from the backup", async () => {
      const input = ["one", "two"];
      const expected = await direct.embeddings.create({ model: "ok", input });
      const { data, response } = await client.embeddings
        .create({ model: fault, input }).withResponse();
      assert.deepEqual(data.data, expected.data);
      assertRescued(response);
    });

    test("responses come from the backup", async () => {
      const input = "Say the sixty words.";
      const expected = await direct.responses.create({ model: "ok", input });
      const got = await client.responses.create({ model: fault, input });
      assert.equal(got.output_text, expected.output_text);
    });
  });
}

describe("audio:", () => {
  for (const fault of FAULTS) {
    test(`an uploaded recording reaches the backup when the primary is ${fault}`, async () => {
      const recording = Buffer.alloc(70_000, Uint8Array.from({ length: 256 }, (_, i) => i));
      const upload = async (model) => ({ model, file: await toFile(recording, "speech.wav") });
      const expected = await direct.audio.transcriptions.create(await upload("ok"));
      const { data, response } = await client.audio.transcriptions
        .create(await upload(fault)).withResponse();
      assert.equal(data.text, expected.text);
      assertRescued(response);
    });
  }
});

describe("errors:", () => {
  const kinds = {
    "too-long": [OpenAI.BadRequestError, "context_length_exceeded"],
    "filtered": [OpenAI.BadRequestError, "content_policy_violation"],
    "wrong-key": [OpenAI.AuthenticationError, "invalid_api_key"],
    "forbidden": [OpenAI.PermissionDeniedError, "unsupported_country_region_territory"],
    "missing": [OpenAI.NotFoundError, "model_not_found"],
    "unprocessable": [OpenAI.UnprocessableEntityError, "invalid_value"],
  };
  for (const [model, [kind, code]] of Object.entries(kinds)) {
    for (const stream of [false, true]) {
      test(`${model} reaches the client, ${stream ? "streamed" : "plain"}`, async () => {
        const error = await failure(() =>
          client.chat.completions.create({ model, messages, stream }));
        assert.ok(error instanceof kind, `${error}`);
        assert.equal(error.code, code);
        assert.equal(error.headers.get("x-understudy-attempts"), "1");
        assert.ok(error.requestID);
      });
    }
  }

  test("when all fail the primary's error is raised", async () => {
    const error = await failure(() =>
      client.chat.completions.create({ model: "all-limited", messages }));
    assert.ok(error instanceof OpenAI.RateLimitError, `${error}`);
    assert.equal(error.headers.get("retry-after"), "7");
  });

  for (const [model, status, code] of [
    ["all-silent", 504, "upstream_timeout"], ["all-reset", 502, "upstream_unreachable"]]) {
    test(`a chain without any answer says so: ${model}`, async () => {
      const error = await failure(() => client.chat.completions.create({ model, messages }));
      assert.ok(error instanceof OpenAI.InternalServerError, `${error}`);
      assert.deepEqual([error.status, error.code, error.type], [status, code, "understudy_error"]);
    });
  }

  test("an unknown model is not found", async () => {
    const error = await failure(() =>
      client.chat.completions.create({ model: "no-such-model", messages }));
    assert.ok(error instanceof OpenAI.NotFoundError, `${error}`);
    assert.equal(error.code, "model_not_found");
  });

  for (const [model, message] of [
    ["breaks-off", /ended before the answer was complete/],
    ["gives-up", /The server had an error/]]) {
    test(`a stream that breaks off is never taken for whole: ${model}`, async () => {
      const chunks = [];
      const error = await failure(async () => {
        const stream = await client.chat.completions.create({ model, messages, stream: true });
        for await (const chunk of stream) chunks.push(chunk);
      });
      assert.ok(error instanceof OpenAI.APIError, `${error}`);
      assert.match(error.message, message);
      // Everything that the provider said before is there.
      assert.equal(textOf(chunks), healthyText.split(" ").slice(0, 20).join(" "));
      assert.deepEqual(finishOf(chunks), []);
    });
  }

  test("a client that gives up gets its own time-out", async () => {
    const error = await failure(() =>
      client.chat.completions.create({ model: "thinks-long", messages }, { timeout: 300 }));
    assert.ok(error instanceof OpenAI.APIConnectionTimeoutError, `${error}`);
  });

  test("a client that aborts a stream can go on", async () => {
    const stream = await client.chat.completions.create({
      model: "rate-limited", messages, stream: true });
    for await (const chunk of stream) {
      if (textOf([chunk])) break;
    }
    assert.ok(stream.controller.signal.aborted);
    const again = await client.chat.completions.create({ model: "rate-limited", messages });
    assert.equal(again.choices[0].message.content, healthyText);
  });
});

describe("the rest of the surface:", () => {
  test("models are the names that a client may ask for", async () => {
    const listed = [];
    for await (const model of client.models.list()) listed.push(model.id);
    assert.deepEqual(listed.sort(), [...MODELS].sort());
    assert.equal((await client.models.retrieve("healthy")).id, "healthy");
  });

  test("request ids are made and passed on", async () => {
    const made = await client.chat.completions.create({ model: "rate-limited", messages });
    assert.ok(made._request_id);
    const passed = await client.chat.completions.create(
      { model: "rate-limited", messages }, { headers: { "x-request-id": "mine-17" } });
    assert.equal(passed._request_id, "mine-17");
  });

  test("many requests at once all come back", async () => {
    const jobs = Array.from({ length: 40 }, async (_, index) => {
      const model = FAULTS[index % FAULTS.length];
      if (index % 2 === 0) {
        const answer = await client.chat.completions.create({ model, messages });
        return answer.choices[0].message.content;
      }
      return textOf(await collect(await client.chat.completions.create({
        model, messages, stream: true })));
    });
    assert.deepEqual([...new Set(await Promise.all(jobs))], [healthyText]);
  });
});
