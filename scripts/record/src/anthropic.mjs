// An application around the package @anthropic-ai/sdk 0.37.0, with the cache marks of the reference.

import Anthropic from '@anthropic-ai/sdk'

/** Streams a conversation of one user message as chunks of the fixtures' form. */
export async function* createMessage({ settings, systemPrompt, messages }) {
  const client = new Anthropic({ apiKey: settings.apiKey })
  const marked = (text) => [{ type: 'text', text, cache_control: { type: 'ephemeral' } }]
  const stream = await client.messages.create(
    {
      model: settings.apiModelId,
      max_tokens: 8192,
      temperature: settings.modelTemperature ?? 0,
      system: [{ text: systemPrompt, type: 'text', cache_control: { type: 'ephemeral' } }],
      messages: messages.map(({ role, content }) => ({ role, content: marked(content) })),
      stream: true,
      tools: [],
      tool_choice: { type: 'auto', disable_parallel_tool_use: true },
    },
    { headers: { 'anthropic-beta': 'fine-grained-tool-streaming-2025-05-14,prompt-caching-2024-07-31' } },
  )
  let totalCost
  for await (const event of stream) {
    if (event.type === 'message_start') {
      const { input_tokens: inputTokens, output_tokens: outputTokens } = event.message.usage
      // Claude Sonnet 4.5: 3 and 15 dollars per million tokens. The last count is not priced, as in the reference.
      totalCost = (3 / 1e6) * inputTokens + (15 / 1e6) * outputTokens
      yield { type: 'usage', inputTokens, outputTokens }
    } else if (event.type === 'content_block_start') {
      yield { type: 'text', text: event.content_block.text }
    } else if (event.type === 'content_block_delta') {
      yield { type: 'text', text: event.delta.text }
    } else if (event.type === 'message_delta') {
      yield { type: 'usage', inputTokens: 0, outputTokens: event.usage.output_tokens }
    }
  }
  yield { type: 'usage', inputTokens: 0, outputTokens: 0, totalCost }
}
