// An application around the package openai: what a provider of plain Chat Completions is in TypeScript.

import OpenAI, { AzureOpenAI } from 'openai'
import { openAiMessages } from './conversation.mjs'

const APPLICATION = {
  'HTTP-Referer': 'https://github.com/RooVetGit/Roo-Cline',
  'X-Title': 'Roo Code',
  'User-Agent': 'RooCode/3.43.0',
}

/** A client for `base`; `proof` are the headers that prove who asks in place of a bearer key. */
export function client({ base, key, proof }) {
  const withoutBearer = key === undefined ? { Authorization: null } : {}
  return new OpenAI({
    baseURL: base,
    apiKey: key ?? 'none',
    defaultHeaders: { ...withoutBearer, ...proof, ...APPLICATION },
  })
}

/** A client for a resource and a deployment of Azure. */
export function azureClient({ resource, deployment, apiVersion, key, token }) {
  return new AzureOpenAI({
    endpoint: `https://${resource}.openai.azure.com`,
    deployment,
    apiVersion,
    ...(token ? { azureADTokenProvider: async () => token } : { apiKey: key }),
    defaultHeaders: APPLICATION,
  })
}

/** Streams a conversation through a client as chunks of the fixtures' form. */
export async function* createMessage(client, name, input, limit = 'max_tokens') {
  const { settings, metadata = {} } = input
  const stream = await client.chat.completions
    .create({
      model: settings.azureDeployment ?? settings.apiModelId,
      messages: openAiMessages(input),
      stream: true,
      stream_options: { include_usage: true },
      temperature: settings.modelTemperature,
      [limit]: settings.modelMaxTokens,
      tools: metadata.tools,
      tool_choice: metadata.tool_choice,
      parallel_tool_calls: metadata.parallelToolCalls,
    })
    .catch((error) => {
      const wrapped = new Error(`${name} completion error: ${error.message}`)
      throw Object.assign(wrapped, { status: error.status, code: error.code })
    })
  yield* chunksOf(stream, (usage) => ({
    inputTokens: usage.prompt_tokens,
    outputTokens: usage.completion_tokens,
    cacheReadTokens: usage.prompt_tokens_details?.cached_tokens || undefined,
    reasoningTokens: usage.completion_tokens_details?.reasoning_tokens || undefined,
  }))
}

/** The chunks of a stream, the usage last as `counts` has it. */
export async function* chunksOf(stream, counts) {
  const calls = new Set()
  let usage
  for await (const { choices: [choice], usage: told } of stream) {
    const delta = choice?.delta ?? {}
    const reasoning = delta.reasoning_content ?? delta.reasoning
    if (reasoning) yield { type: 'reasoning', text: reasoning }
    if (delta.content) yield { type: 'text', text: delta.content }
    for (const { index, id, function: { name, arguments: args } = {} } of delta.tool_calls ?? []) {
      if (id) calls.add(id)
      yield { type: 'tool_call_partial', index, id, name, arguments: args }
    }
    if (choice?.finish_reason === 'tool_calls') {
      for (const id of calls) yield { type: 'tool_call_end', id }
      calls.clear()
    }
    usage = told ?? usage
  }
  if (usage) yield { type: 'usage', ...counts(usage) }
}

/** The ids of the service's models, each with the facts that are known: none. */
export async function listModels(client) {
  const models = {}
  for await (const { id } of client.models.list()) models[id] = {}
  return models
}
