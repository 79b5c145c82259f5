// A loopback server that every outgoing connection of this process reaches, whatever host it was meant for.
// It keeps each request as it came over the wire and answers with the canned responses of the case.
//
// https stays https, so that clients do what they do in the wild: the two sides agree on a cipher without a
// certificate, so that no key has to be kept or made.

import net from 'node:net'
import tls from 'node:tls'

const CIPHERS = 'AECDH:@SECLEVEL=0'

export class Recorder {
  exchanges = []
  #responses = []

  static async start() {
    const recorder = new Recorder()
    const plain = net.createServer((socket) => recorder.#serve(socket, 'http'))
    const secure = tls.createServer(
      { ciphers: CIPHERS, maxVersion: 'TLSv1.2', ALPNProtocols: ['http/1.1'] },
      (socket) => recorder.#serve(socket, 'https'),
    )
    const ports = await Promise.all([plain, secure].map(listen))
    redirect(ports[0], ports[1])
    return recorder
  }

  /** Forgets what was recorded and plays these responses from now on. */
  play(responses) {
    this.exchanges = []
    this.#responses = [...responses]
  }

  #serve(socket, scheme) {
    let received = Buffer.alloc(0)
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk])
      const request = parse(received)
      if (!request) return
      received = Buffer.alloc(0)
      const response = this.#responses.shift()
      if (!response) throw new Error(`nobody expected ${request.method} ${request.target}`)
      this.exchanges.push({ request: { scheme, http: '1.1', ...request }, response })
      const body = Buffer.from(response.body)
      const lines = response.headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')
      const head = `HTTP/1.1 ${response.status} ${response.reason}\r\n${lines}`
      socket.write(`${head}connection: close\r\ncontent-length: ${body.length}\r\n\r\n`)
      socket.end(body)
    })
  }
}

/** The request in these bytes, once it is whole. */
function parse(received) {
  const end = received.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const [first, ...lines] = received.subarray(0, end).toString('latin1').split('\r\n')
  const headers = lines.map((line) => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon), line.slice(colon + 1).trim()]
  })
  const length = Number(headers.find(([name]) => name.toLowerCase() === 'content-length')?.[1] ?? 0)
  if (received.length < end + 4 + length) return undefined
  const [method, target] = first.split(' ')
  return { method, target, headers: headers.map(withoutMachine), body: received.subarray(end + 4).toString() }
}

/** The same header on every machine: as Node 20.20.2 on Linux and x64 sends it. */
function withoutMachine([name, value]) {
  const fixed = { 'x-stainless-os': 'Linux', 'x-stainless-arch': 'x64' }[name.toLowerCase()]
  return [name, fixed ?? value.replaceAll(process.versions.node, '20.20.2')]
}

function listen(server) {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server.address().port)))
}

function redirect(plainPort, securePort) {
  const [connect, connectSecurely] = [net.connect, tls.connect]
  net.connect = (options, ...rest) =>
    connect({ ...options, host: '127.0.0.1', port: plainPort, path: undefined }, ...rest)
  tls.connect = (options, ...rest) =>
    connectSecurely(
      {
        ...options,
        host: '127.0.0.1',
        port: securePort,
        path: undefined,
        socket: undefined,
        ciphers: CIPHERS,
        maxVersion: 'TLSv1.2',
        rejectUnauthorized: false,
        checkServerIdentity: () => undefined,
      },
      ...rest,
    )
}
