"""The documentation page: one file, no network, made from /openapi.json by the browser.

It must never load anything from another host.
"""

from __future__ import annotations

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Altyn back office API</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 18%, transparent) }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h2 { margin-top: 2.5rem; text-transform: capitalize; border-bottom: 1px solid var(--line) }
details { border: 1px solid var(--line); border-radius: 6px; margin: .4rem 0; padding: .4rem .8rem }
summary { cursor: pointer } code, pre { font: 13px/1.45 ui-monospace, monospace }
pre { overflow: auto; background: color-mix(in srgb, currentColor 6%, transparent); padding: .7rem; border-radius: 6px }
.method { display: inline-block; width: 4.2rem; font-weight: 600 } .scope { opacity: .65; float: right }
</style></head><body><h1>Altyn back office API</h1>
<p>Send <code>Authorization: Bearer &lt;key&gt;</code>; writes also need <code>Idempotency-Key</code>.
Refusals are <code>application/problem+json</code> with a stable <code>reason</code>. The contract is
<a href="openapi.json">openapi.json</a>.</p><main id="calls">Loading…</main>
<script>
const text = (tag, value, more = {}) => Object.assign(document.createElement(tag), more, { textContent: value })
function shape(schema, all, depth = 0) {
  if (!schema) return null
  if (schema.$ref) return depth > 4 ? '…' : shape(all[schema.$ref.split('/').pop()], all, depth + 1)
  if (schema.anyOf) return shape(schema.anyOf.find(one => one.type !== 'null') || schema.anyOf[0], all, depth)
  if (schema.enum) return schema.enum.join(' | ')
  if (schema.type === 'array') return [shape(schema.items, all, depth + 1)]
  if (schema.properties)
    return Object.fromEntries(Object.entries(schema.properties).map(([key, one]) => [key, shape(one, all, depth + 1)]))
  return schema.format || schema.type || 'any'
}
fetch('openapi.json').then(answer => answer.json()).then(api => {
  const areas = {}, all = api.components.schemas
  for (const [path, calls] of Object.entries(api.paths))
    for (const [method, call] of Object.entries(calls))
      (areas[call.tags?.[0] || 'health'] ||= []).push([method, path, call])
  const main = document.getElementById('calls'); main.textContent = ''
  for (const [area, calls] of Object.entries(areas)) {
    main.append(text('h2', area))
    for (const [method, path, call] of calls) {
      const box = document.createElement('details'), head = document.createElement('summary')
      head.append(text('span', method.toUpperCase(), { className: 'method' }), text('code', path))
      head.append(text('span', call['x-scope'] || '', { className: 'scope' })); box.append(head)
      box.append(text('p', call.description || call.summary || ''))
      const named = one => `${one.in} ${one.name}${one.required ? '' : ' (optional)'}`
      const parts = { parameters: (call.parameters || []).map(named) }
      const body = call.requestBody?.content
      const shown = ([kind, one]) => [kind, shape(one.schema, all)]
      if (body) parts.request = Object.fromEntries(Object.entries(body).map(shown))
      const good = Object.entries(call.responses || {}).find(([code]) => code < '300')
      if (good?.[1].content) parts['answer ' + good[0]] = shape(Object.values(good[1].content)[0].schema, all)
      box.append(text('pre', JSON.stringify(parts, null, 2))); main.append(box)
    }
  }
})
</script></body></html>
"""
