// Two providers of the reference around the package openai 5.12.2: its base class of compatible providers, and
// the generic one. What all of them do is recorded of the reference itself; these show that the recorder agrees.

import { openAiMessages } from './conversation.mjs'
import { chunksOf } from './openai.mjs'

/** What both ask for; a field that is undefined is not sent. */
function ask(client, { model, limit, temperature }, input) {
  const { settings, metadata = {} } = input
  return client.chat.completions.create({
    model,
    max_tokens: limit,
    temperature: settings.modelTemperature ?? temperature,
    messages: openAiMessages(input),
    stream: true,
    stream_options: { include_usage: true },
    tool_choice: metadata.tool_choice,
    parallel_tool_calls: metadata.parallelToolCalls ?? false,
  })
}

/** As the base class asks; `price` is in dollars per million tokens. */
export async function* createBaseMessage(client, { limit, temperature, price }, input) {
  const stream = await ask(client, { model: input.settings.apiModelId, limit, temperature }, input)
  yield* chunksOf(stream, ({ prompt_tokens: inputTokens, completion_tokens: outputTokens }) => ({
    inputTokens,
    outputTokens,
    totalCost: (price.input / 1e6) * inputTokens + (price.output / 1e6) * outputTokens,
  }))
}

/** As the generic provider asks. */
export async function* createGenericMessage(client, input) {
  const stream = await ask(client, { model: input.settings.openAiModelId, temperature: 0 }, input)
  yield* chunksOf(stream, ({ prompt_tokens: inputTokens, completion_tokens: outputTokens }) => ({
    inputTokens,
    outputTokens,
  }))
}
