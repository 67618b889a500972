// Pictures of the numbers a page has (charts.py): Apache ECharts in the page's own colours, no style of its own in the page.
"use strict"

// A colour of the page as a canvas understands it: the page mixes colours, and a chart cannot.
const pixel = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d", { willReadFrequently: true })

function colour(name) {
  const probe = document.body.appendChild(document.createElement("i"))
  probe.style.color = `var(${name})`
  pixel.fillStyle = getComputedStyle(probe).color
  probe.remove()
  pixel.fillRect(0, 0, 1, 1)
  return `rgb(${[...pixel.getImageData(0, 0, 1, 1).data].slice(0, 3)})`
}

function looks() {
  const dark = document.documentElement.dataset.bsTheme === "dark"
  return {
    text: colour("--tblr-secondary"), ink: colour("--tblr-body-color"), rule: colour("--tblr-border-color"),
    paper: colour("--tblr-bg-surface"), font: getComputedStyle(document.body).fontFamily,
    before: dark ? "#5f6f86" : "#a9b4c4", after: dark ? "#e8a93a" : "#d08a24", left: dark ? "#4ea3e0" : "#2f7fc1",
    cap: dark ? "#e06c6c" : "#c64b4b", less: dark ? "#4cb58a" : "#2f9e6e",
  }
}

function numbers(spec) {
  const of = more => new Intl.NumberFormat(spec.language, more)
  const whole = of({ minimumFractionDigits: spec.digits, maximumFractionDigits: spec.digits })
  const short = of({ notation: "compact", maximumFractionDigits: 1 }), below = of({ maximumSignificantDigits: 2 })
  const unit = spec.unit ? ` ${spec.unit}` : ""
  return { whole: value => (value === null || value === undefined ? "–" : whole.format(value) + unit), short: value => (Math.abs(value) < 1 ? below : short).format(value) }
}

function series(row, spec, look) {
  const scale = 10 ** spec.digits
  const data = row.values.map(value => (value === null ? null : value / scale))
  const made = { name: row.name, data, type: row.shape === "bar" ? "bar" : "line", itemStyle: { color: look[row.look] } }
  if (made.type === "bar" && row.stack) return { ...made, stack: row.stack, barMaxWidth: 26 }
  if (made.type === "bar") return { ...made, barMaxWidth: 26, itemStyle: { ...made.itemStyle, borderRadius: spec.kind === "time" ? [3, 3, 0, 0] : 3 } }
  const area = row.shape === "area" ? { areaStyle: { opacity: 0.16 } } : {}
  const dashes = row.look === "cap" ? { type: "dashed" } : {}
  return { ...made, ...area, symbolSize: 5, showSymbol: row.look !== "cap" && data.length <= 35, lineStyle: { width: 2, color: look[row.look], ...dashes } }
}

function optionOf(spec, look) {
  const tell = numbers(spec)
  const isTime = spec.kind === "time"
  const names = {
    type: "category", data: spec.names, inverse: !isTime, axisTick: { show: false }, axisLine: { lineStyle: { color: look.rule } },
    axisLabel: { color: look.text, hideOverlap: true, ...(isTime ? {} : { width: 130, overflow: "truncate" }) },
  }
  const values = { type: "value", splitNumber: 4, axisLabel: { color: look.text, formatter: tell.short, hideOverlap: true }, splitLine: { lineStyle: { color: look.rule } } }
  const rows = spec.rows.map(row => series(row, spec, look))
  if (!isTime) for (const row of rows) row.data = row.data.map(value => ({ value, itemStyle: { color: value < 0 ? look.less : look.after } }))
  return {
    animation: !matchMedia("(prefers-reduced-motion: reduce)").matches,
    textStyle: { fontFamily: look.font }, aria: { enabled: false },
    grid: { left: 4, right: 14, top: rows.length > 1 ? 34 : 10, bottom: 4, outerBoundsMode: "same" },
    legend: { show: rows.length > 1, left: 0, top: 0, icon: "roundRect", itemWidth: 12, itemHeight: 8, textStyle: { color: look.ink } },
    tooltip: {
      trigger: "axis", renderMode: "richText", confine: true, valueFormatter: tell.whole, axisPointer: { type: isTime ? "line" : "shadow" },
      backgroundColor: look.paper, borderColor: look.rule, textStyle: { color: look.ink, fontSize: 12 },
    },
    xAxis: isTime ? names : values, yAxis: isTime ? values : names, series: rows,
  }
}

function draw(box) {
  const spec = JSON.parse(box.dataset.chart)
  if (spec.kind === "names") box.dataset.rows = Math.min(spec.names.length, 12)
  const chart = echarts.getInstanceByDom(box) ?? echarts.init(box)
  chart.setOption(optionOf(spec, looks()), true)
  if (!box.dataset.drawn) new ResizeObserver(() => chart.resize()).observe(box)
  box.dataset.drawn = "1"
}

// A part of the page that comes again keeps its pictures, which get the new numbers; what is new in it is drawn.
htmx.registerExtension("charts", {
  htmx_before_morph_node: (box, { newNode }) => {
    if (!box.dataset?.drawn || !newNode.dataset?.chart) return true
    box.dataset.chart = newNode.dataset.chart
    draw(box)
    return false
  },
})
addEventListener("htmx:after:swap", () => document.querySelectorAll("[data-chart]:not([data-drawn])").forEach(draw))

addEventListener("DOMContentLoaded", () => document.querySelectorAll("[data-chart]").forEach(draw))
addEventListener("beforeprint", () => document.querySelectorAll("[data-drawn]").forEach(box => echarts.getInstanceByDom(box)?.resize()))
