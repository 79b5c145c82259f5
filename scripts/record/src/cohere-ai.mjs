// An application around the package cohere-ai.

import { CohereClientV2 } from 'cohere-ai'
import { cohereMessages } from './conversation.mjs'

/** Streams a conversation as chunks of the fixtures' form. */
export async function* createMessage({ settings, metadata = {}, ...conversation }) {
  const client = new CohereClientV2({ token: settings.cohereApiKey })
  const budget = settings.modelMaxThinkingTokens
  const stream = await client
    .chatStream(
      // The package sends null for what is undefined.
      defined({
      model: settings.apiModelId,
      maxTokens: settings.modelMaxTokens,
      temperature: settings.modelTemperature,
      messages: cohereMessages(conversation),
      tools: metadata.tools,
      toolChoice: { required: 'REQUIRED', none: 'NONE' }[metadata.tool_choice],
      documents: settings.cohereDocuments,
      citationOptions: settings.cohereCitationMode && { mode: settings.cohereCitationMode },
      thinking: budget && { type: 'enabled', tokenBudget: budget },
    }))
    .catch((error) => {
      const message = `Cohere completion error: ${error.statusCode} ${error.body.message}`
      throw Object.assign(new Error(message), { status: error.statusCode })
    })
  let open
  for await (const event of stream) {
    const message = event.delta?.message
    switch (event.type) {
      case 'content-start':
      case 'content-delta':
        if (message.content.thinking) yield { type: 'reasoning', text: message.content.thinking }
        if (message.content.text) yield { type: 'text', text: message.content.text }
        break
      case 'tool-plan-delta':
        yield { type: 'reasoning', text: message.toolPlan }
        break
      case 'tool-call-start':
      case 'tool-call-delta': {
        const { id, function: { name, arguments: args } } = message.toolCalls
        open = id ?? open
        yield { type: 'tool_call_partial', index: event.index, id, name, arguments: args }
        break
      }
      case 'tool-call-end':
        yield { type: 'tool_call_end', id: open }
        break
      case 'citation-start':
        yield { type: 'grounding', sources: message.citations.sources.map((source) => page(source, message)) }
        break
      case 'message-end': {
        const { tokens, cachedTokens } = event.delta.usage
        yield {
          type: 'usage',
          inputTokens: tokens.inputTokens,
          outputTokens: tokens.outputTokens,
          cacheReadTokens: cachedTokens || undefined,
        }
      }
    }
  }
}

const page = ({ id, document, toolOutput }, { citations }) => ({
  title: document?.title ?? toolOutput?.title ?? citations.text,
  url: document?.url ?? toolOutput?.url ?? id,
})

const defined = (object) => Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined))
