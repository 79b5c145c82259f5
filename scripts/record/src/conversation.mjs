// A conversation as fixtures hold it (Anthropic's form) in the words of other SDKs.

/** Messages of OpenAI's Chat Completions. An empty system prompt is left out. */
export function openAiMessages({ systemPrompt, messages }) {
  const system = systemPrompt ? [{ role: 'system', content: systemPrompt }] : []
  return [...system, ...messages.flatMap(openAiMessage)]
}

function openAiMessage({ role, content }) {
  if (typeof content === 'string') return [{ role, content }]
  if (role === 'assistant') {
    const calls = content.filter((block) => block.type === 'tool_use').map(call)
    const text = texts(content).join('\n')
    return [{ role, content: text, ...(calls.length && { tool_calls: calls }) }]
  }
  const results = content.filter((block) => block.type === 'tool_result')
  const rest = content.filter((block) => block.type !== 'tool_result')
  const answers = results.map((block) => ({
    role: 'tool',
    tool_call_id: block.tool_use_id,
    content: block.content,
  }))
  return rest.length ? [...answers, { role, content: rest.map(part) }] : answers
}

/** Messages of the AI SDK. */
export function aiSdkPrompt({ systemPrompt, messages }) {
  const names = {}
  const convert = ({ role, content }) => {
    const blocks = typeof content === 'string' ? [{ type: 'text', text: content }] : content
    const results = blocks.filter((block) => block.type === 'tool_result')
    if (results.length) return { role: 'tool', content: results.map(aiSdkResult) }
    return { role, content: blocks.map(aiSdkPart) }
  }
  const aiSdkResult = (block) => ({
    type: 'tool-result',
    toolCallId: block.tool_use_id,
    toolName: names[block.tool_use_id],
    output: { type: 'text', value: block.content },
  })
  const aiSdkPart = (block) => {
    if (block.type === 'image') {
      return { type: 'file', mediaType: block.source.media_type, data: block.source.data }
    }
    if (block.type !== 'tool_use') return { type: 'text', text: block.text }
    names[block.id] = block.name
    return { type: 'tool-call', toolCallId: block.id, toolName: block.name, input: block.input }
  }
  const system = systemPrompt ? [{ role: 'system', content: systemPrompt }] : []
  return [...system, ...messages.map(convert)]
}

/** Messages of Cohere's Chat, version 2, with the keys of its SDK. What is said beside calls is their plan. */
export function cohereMessages({ systemPrompt, messages }) {
  const convert = ({ role, content }) => {
    if (typeof content === 'string') return [{ role, content }]
    if (role === 'user') {
      const answers = content
        .filter((block) => block.type === 'tool_result')
        .map((block) => ({ role: 'tool', content: block.content, toolCallId: block.tool_use_id }))
      const rest = content.filter((block) => block.type !== 'tool_result')
      if (!rest.length) return answers
      const said = rest.some((block) => block.type === 'image') ? rest.map(cohereImagePart) : texts(rest).join('')
      return [...answers, { role, content: said }]
    }
    const toolCalls = content.filter((block) => block.type === 'tool_use').map(call)
    const text = texts(content).join('')
    if (!toolCalls.length) return [{ role, content: text }]
    return [{ role, toolCalls, ...(text && { toolPlan: text }) }]
  }
  const system = systemPrompt ? [{ role: 'system', content: systemPrompt }] : []
  return [...system, ...messages.flatMap(convert)]
}

const cohereImagePart = (block) =>
  block.type === 'image' ? { type: 'image_url', imageUrl: { url: dataUrl(block) } } : part(block)

const texts = (blocks) => blocks.filter((block) => block.type === 'text').map((block) => block.text)

const dataUrl = ({ source }) => `data:${source.media_type};base64,${source.data}`

const part = (block) =>
  block.type === 'image'
    ? { type: 'image_url', image_url: { url: dataUrl(block) } }
    : { type: 'text', text: block.text }

const call = (block) => ({
  id: block.id,
  type: 'function',
  function: { name: block.name, arguments: JSON.stringify(block.input) },
})
