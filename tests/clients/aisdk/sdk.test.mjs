// The AI SDK, unmodified, with each of its providers that Understudy stands in for, on upstreams of another API whose
// primary is down: sessions with a tool, whole and streamed, errors. run.py starts the daemon and the upstreams
// (../agents.py says what they do) and passes its address.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { createAnthropic } from "@ai-sdk/anthropic";
import { createGoogleGenerativeAI } from "@ai-sdk/google";
import { createOpenAI } from "@ai-sdk/openai";
import { APICallError, generateText, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";

const { GATEWAY } = process.env;
const apiKey = "unused";
const openai = createOpenAI({ baseURL: `${GATEWAY}/v1`, apiKey });
const anthropic = createAnthropic({ baseURL: `${GATEWAY}/v1`, apiKey });
const google = createGoogleGenerativeAI({ baseURL: `${GATEWAY}/v1beta`, apiKey });

// By default it sends what it was answered as references to items that OpenAI keeps: these belong to OpenAI alone.
const providerOptions = { openai: { store: false } };

// Each with the upstreams' APIs that are not its own. Upstreams of chat have no /responses.
const PROVIDERS = {
  "openai.chat": [(name) => openai.chat(name), ["messages", "gemini"]],
  "openai.responses": [(name) => openai.responses(name), ["chat", "messages", "gemini"]],
  anthropic: [(name) => anthropic(name), ["chat", "gemini"]],
  google: [(name) => google(name), ["chat", "messages"]],
};
const prompt = "Weather in Oslo and Bergen?";
const answer = "Oslo has 3 degrees, Bergen 5.";

/** A session's settings; `asked` gets the cities. */
function session(model, asked) {
  const get_weather = tool({
    description: "Weather of a city",
    inputSchema: z.object({ city: z.string() }),
    execute: async ({ city }) => {
      asked.push(city);
      return `${asked.length * 2 + 1} C`;
    },
  });
  // Without retries of its own: they would hide what the daemon does.
  return { model, tools: { get_weather }, stopWhen: stepCountIs(5), maxRetries: 0, providerOptions };
}

async function streamed(settings) {
  let told;
  let thrown;
  const result = streamText({ ...settings, onError: ({ error }) => { told ??= error; } });
  let text = "";
  try {
    for await (const part of result.fullStream) if (part.type === "text-delta") text += part.text;
  } catch (error) {
    thrown = error;  // the body's unclean end, behind what told of it
  }
  return { result, text, told, thrown };
}

for (const [name, [provider, dialects]] of Object.entries(PROVIDERS)) {
  for (const dialect of dialects) {
    describe(`${name} on an upstream of ${dialect}:`, () => {
      const model = provider(`on-${dialect}`);

      test("a session calls a tool twice and answers, and so does the one that follows", async () => {
        const asked = [];
        const first = await generateText({ ...session(model, asked), prompt });
        assert.equal(first.text, answer);
        assert.equal(first.finishReason, "stop");
        assert.deepEqual(asked, ["Oslo", "Bergen"]);
        assert.deepEqual(first.steps.map((step) => step.finishReason), ["tool-calls", "tool-calls", "stop"]);
        assert.ok(first.totalUsage.inputTokens > 0 && first.totalUsage.outputTokens > 0);
        const second = await generateText({ ...session(model, asked), messages: [
          { role: "user", content: prompt }, ...first.response.messages, { role: "user", content: "Again?" }] });
        assert.equal(second.text, answer);
        assert.deepEqual(asked, ["Oslo", "Bergen", "Oslo", "Bergen"]);
      });

      test("so does a streamed one", async () => {
        const asked = [];
        const { result, text, told, thrown } = await streamed({ ...session(model, asked), prompt });
        assert.equal(told ?? thrown, undefined);
        assert.ok(text.endsWith(answer), text);
        assert.deepEqual(asked, ["Oslo", "Bergen"]);
        assert.deepEqual((await result.steps).map((step) => step.finishReason),
          ["tool-calls", "tool-calls", "stop"]);
        const usage = await result.totalUsage;
        assert.ok(usage.inputTokens > 0 && usage.outputTokens > 0);
      });

      test("errors have their status and say whether to ask again", async () => {
        for (const [kind, status, retryable] of [["limited", 429, true], ["too-long", 400, false]]) {
          await assert.rejects(generateText({ model: provider(`${kind}-${dialect}`), prompt, maxRetries: 0 }), (error) => {
            assert.ok(APICallError.isInstance(error), String(error));
            assert.equal(error.statusCode, status);
            assert.equal(error.isRetryable, retryable);
            assert.match(error.message, kind === "limited" ? /status 429/ : /token/);
            return true;
          });
        }
      });

      test("a stream that breaks is an error", async () => {
        const { text, told } = await streamed({ model: provider(`broken-${dialect}`), prompt, maxRetries: 0 });
        assert.equal(text, "Oslo has");
        assert.match(told?.message ?? JSON.stringify(told), /before the answer was complete/);
      });
    });
  }
}
