// What a page does without asking the server: the search box, forms that are sent once, one more line of a receipt,
// the size of a file.
"use strict"

const search = () => document.getElementById("search")

function openSearch() {
  const box = search()
  if (!box || box.open) return
  box.showModal()
  box.querySelector("input").select()
}

addEventListener("keydown", event => {
  if ((event.ctrlKey || event.metaKey) && event.code === "KeyK") {
    event.preventDefault()
    openSearch()
  }
  const box = search()
  if (!box?.open || !["ArrowDown", "ArrowUp", "Enter"].includes(event.key)) return
  const rows = [...box.querySelectorAll(".search-row")]
  const at = rows.indexOf(document.activeElement)
  if (event.key === "Enter") {
    if (at >= 0) return
    event.preventDefault()
    rows[0]?.click()
    return
  }
  if (!rows.length) return
  event.preventDefault()
  rows[(at + (event.key === "ArrowDown" ? 1 : -1) + rows.length) % rows.length].focus()
})

addEventListener("click", event => {
  const target = event.target
  if (target.closest?.("[data-open=search]")) openSearch()
  if (target === search()) target.close()
  const more = target.closest?.("[data-another-row]")
  if (more) anotherRow(more)
  for (const menu of document.querySelectorAll("details.menu[open]"))
    if (!menu.contains(target) && !menu.classList.contains("adds-menu")) menu.open = false
})

// Menus by keyboard: arrows walk in, Escape goes back to the word that opened it, leaving closes it.
addEventListener("keydown", event => {
  const menu = event.target.closest?.("details.menu")
  if (!menu || event.target.matches("input, select, textarea")) return
  const word = menu.querySelector("summary"), rows = [word, ...menu.querySelectorAll(".menu-item")]
  if (event.key === "Escape" && menu.open) {
    menu.open = false
    word.focus()
  }
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
  const at = rows.indexOf(event.target)
  if (!step || at < 0 || rows.length === 1) return
  event.preventDefault()
  menu.open = true
  rows[(at + step + rows.length) % rows.length].focus()
})

addEventListener("focusout", event => {
  const menu = event.target.closest?.(".shell-bar details.menu")
  if (menu && event.relatedTarget && !menu.contains(event.relatedTarget)) menu.open = false
})

// One more line of the sample receipt, with a price ready to be changed.
function anotherRow(button) {
  const body = button.parentElement.querySelector(button.dataset.anotherRow)
  const row = body.rows[body.rows.length - 1].cloneNode(true)
  for (const field of row.querySelectorAll("input")) if (!/price|quantity/.test(field.name)) field.value = ""
  body.append(row)
  body.dispatchEvent(new Event("input", { bubbles: true }))
  row.querySelector("input").focus()
}

// The server does a thing once however often it is asked; the button says so.
addEventListener("submit", event => {
  const form = event.target
  if (!form.matches("[data-once]") || event.submitter?.hasAttribute("hx-post")) return
  if (form.dataset.sent) return event.preventDefault()
  form.dataset.sent = "1"
  event.submitter?.classList.add("btn-loading")
})

addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent
})

// Filters apply as they are chosen; one box ticks all of its name.
addEventListener("change", event => {
  const all = event.target.dataset.all
  if (all) for (const one of event.target.closest("table").querySelectorAll(`[name="${all}"]`)) one.checked = event.target.checked
  const form = event.target.form
  if (form?.matches("[data-auto]") && event.target.matches("select")) form.requestSubmit()
})

// A file that will not be taken is told before it is sent.
addEventListener("change", event => {
  const field = event.target
  if (!field.matches?.("[data-bytes-max]")) return
  field.setCustomValidity(field.files[0]?.size > Number(field.dataset.bytesMax) ? field.dataset.tooLarge : "")
  field.reportValidity()
})
