// An application around the AI SDK's packages for Cohere and Perplexity.

import { createCohere } from '@ai-sdk/cohere'
import { createPerplexity } from '@ai-sdk/perplexity'
import { aiSdkPrompt } from './conversation.mjs'

/** Streams a conversation with Cohere as chunks of the fixtures' form. */
export async function* createCohereMessage(input) {
  const { settings, metadata } = input
  const model = createCohere({ apiKey: settings.cohereApiKey }).languageModel(settings.apiModelId)
  const budget = settings.modelMaxThinkingTokens
  const cohere = budget ? { thinking: { type: 'enabled', tokenBudget: budget } } : {}
  yield* chunks(await model.doStream({ ...options(input), tools: tools(metadata), providerOptions: { cohere } }))
}

/** The same with Perplexity; search options go out as the service names them. */
export async function* createPerplexityMessage(input) {
  const { settings } = input
  const model = createPerplexity({ apiKey: settings.perplexityApiKey }).languageModel(settings.apiModelId)
  const perplexity = Object.fromEntries(
    Object.entries({
      reasoning_effort: settings.reasoningEffort,
      search_mode: settings.perplexitySearchMode,
      search_domain_filter: settings.perplexitySearchDomainFilter,
      search_recency_filter: settings.perplexitySearchRecencyFilter,
      web_search_options: settings.perplexityWebSearchOptions,
      return_images: settings.perplexityReturnImages,
    }).filter(([, value]) => value !== undefined),
  )
  yield* chunks(await model.doStream({ ...options(input), providerOptions: { perplexity } }))
}

const options = (input) => ({
  prompt: aiSdkPrompt(input),
  maxOutputTokens: input.settings.modelMaxTokens,
  temperature: input.settings.modelTemperature,
  includeRawChunks: true,
})

const tools = (metadata) =>
  metadata?.tools?.map(({ function: { name, description, parameters } }) => ({
    type: 'function',
    name,
    description,
    inputSchema: parameters,
  }))

async function* chunks({ stream }) {
  let calls = -1
  let titles = {}
  let sources = []
  for await (const part of stream) {
    // The package drops titles; they are in what the service sent.
    if (part.type === 'raw') {
      for (const { url, title } of part.rawValue.search_results ?? []) titles[url] = title
    }
    if (part.type === 'source') {
      sources.push({ title: titles[part.url] ?? part.url, url: part.url })
      continue
    }
    if (sources.length) {
      yield { type: 'grounding', sources }
      sources = []
    }
    switch (part.type) {
      case 'text-delta':
        if (part.delta) yield { type: 'text', text: part.delta }
        break
      case 'reasoning-delta':
        yield { type: 'reasoning', text: part.delta }
        break
      case 'tool-input-start':
        calls += 1
        yield { type: 'tool_call_partial', index: calls, id: part.id, name: part.toolName, arguments: '' }
        break
      case 'tool-input-delta':
        yield { type: 'tool_call_partial', index: calls, arguments: part.delta }
        break
      case 'tool-input-end':
        yield { type: 'tool_call_end', id: part.id }
        break
      case 'finish': {
        const { inputTokens, outputTokens, reasoningTokens } = part.usage
        const totalCost = part.providerMetadata?.perplexity?.cost?.totalCost ?? undefined
        yield { type: 'usage', inputTokens, outputTokens, reasoningTokens, totalCost }
        break
      }
      case 'error':
        throw part.error
    }
  }
}
