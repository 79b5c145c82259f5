// Two providers of the reference around the package openai 5.12.2: its base class of compatible providers, and
// the generic one. What all of them do is recorded of the reference itself; these show that the recorder agrees.

import { openAiMessages } from './conversation.mjs'
import { chunksOf } from './openai.mjs'

/** As the base class asks; `price` is in dollars per million tokens. */
export async function* createBaseMessage(client, { limit, temperature, price }, input) {
  const { settings, metadata = {} } = input
  const stream = await client.chat.completions.create({
    model: settings.apiModelId,
    max_tokens: limit,
    temperature: settings.modelTemperature ?? temperature,
    messages: openAiMessages(input),
    stream: true,
    stream_options: { include_usage: true },
    tool_choice: metadata.tool_choice,
    parallel_tool_calls: metadata.parallelToolCalls ?? false,
  })
  yield* chunksOf(stream, ({ prompt_tokens: inputTokens, completion_tokens: outputTokens }) => ({
    inputTokens,
    outputTokens,
    totalCost: (price.input / 1e6) * inputTokens + (price.output / 1e6) * outputTokens,
  }))
}

/** As the generic provider asks. */
export async function* createGenericMessage(client, input) {
  const { settings, metadata = {} } = input
  const stream = await client.chat.completions.create({
    model: settings.openAiModelId,
    temperature: settings.modelTemperature ?? 0,
    messages: openAiMessages(input),
    stream: true,
    stream_options: { include_usage: true },
    tool_choice: metadata.tool_choice,
    parallel_tool_calls: metadata.parallelToolCalls ?? false,
  })
  yield* chunksOf(stream, ({ prompt_tokens: inputTokens, completion_tokens: outputTokens }) => ({
    inputTokens,
    outputTokens,
  }))
}
