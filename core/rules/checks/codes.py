"""What can be remarked on documents: every code with its severity, its text and how to mend it, in English and Russian.

Invariants: a code is never renamed or reused; both languages name the same details. The page docs/rules-lint.md is
made from this table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

LANGUAGES = ("en", "ru")


class Severity(StrEnum):
    """How bad it is: money is lost, something does not do what was written, or worth a look."""

    ERROR = "error"
    WARNING = "warning"
    HINT = "hint"


@dataclass(frozen=True, slots=True)
class Kind:
    """`says` and `mend` by language; names in braces are details of a remark."""

    severity: Severity
    says: Mapping[str, str]
    mend: Mapping[str, str]


def _kind(severity: Severity, en: str, en_mend: str, ru: str, ru_mend: str) -> Kind:
    return Kind(severity, {"en": en, "ru": ru}, {"en": en_mend, "ru": ru_mend})


KINDS: dict[str, Kind] = {
    # --- rules that never do anything
    "NEVER_HOLDS": _kind(
        Severity.WARNING,
        "the conditions contradict one another ({first} against {second}): the promotion never gives anything",
        "take one of the two conditions out, or put both under `any`",
        "условия противоречат друг другу ({first} и {second}): акция никогда ничего не даёт",
        "уберите одно из двух условий или поместите оба в `any`",
    ),
    "DEAD_BRANCH": _kind(
        Severity.WARNING,
        "this branch of `any` never holds",
        "remove the branch, or mend the conditions in it",
        "эта ветвь `any` никогда не выполняется",
        "уберите ветвь или исправьте условия в ней",
    ),
    "SCHEDULE_EMPTY": _kind(
        Severity.WARNING,
        "no moment is inside the schedule: its dates have no such day",
        "widen from/to, or take other weekdays or days_of_month",
        "в расписание не попадает ни один момент: в этих датах нет такого дня",
        "расширьте from/to или возьмите другие weekdays или days_of_month",
    ),
    "SCHEDULE_OVER": _kind(
        Severity.WARNING,
        "the schedule has ended: after {at} it never holds",
        "move `to`, or retire the promotion",
        "расписание закончилось: после {at} оно не выполняется",
        "сдвиньте `to` или снимите акцию",
    ),
    "ALREADY_EXPIRED": _kind(
        Severity.WARNING,
        "what is given ends on {date}, which is before {at}",
        "take a later date, or `days` in its place",
        "срок действия выданного кончается {date}, то есть раньше {at}",
        "возьмите более позднюю дату или `days` вместо неё",
    ),
    "OUT_OF_REACH": _kind(
        Severity.WARNING,
        "{wanted} is more than a receipt can hold: at most {most}",
        "lower the number; check that the point is in its place",
        "{wanted} больше, чем вмещает чек: не больше {most}",
        "уменьшите число; проверьте, на месте ли точка",
    ),
    "TIER_OUT_OF_REACH": _kind(
        Severity.WARNING,
        "the step from {wanted} is never reached: the condition {other} does not hold there",
        "remove the step, or raise `below` of the condition",
        "ступень от {wanted} недостижима: там не выполняется условие {other}",
        "уберите ступень или поднимите `below` в условии",
    ),
    "NO_GOODS": _kind(
        Severity.WARNING,
        "no product of the catalogue is in this set",
        "check the spelling of categories, brands and SKUs, and what `except` leaves out",
        "ни один товар каталога не входит в этот набор",
        "проверьте написание категорий, брендов и артикулов и то, что исключает `except`",
    ),
    "UNKNOWN_SKU": _kind(
        Severity.HINT,
        "the catalogue has no {names}",
        "correct the SKU, or load the product",
        "в каталоге нет {names}",
        "исправьте артикул или загрузите товар",
    ),
    "UNKNOWN_SERIES": _kind(
        Severity.WARNING,
        'nobody knows the coupon series "{series}"',
        "correct the name, or create the series",
        "серия купонов «{series}» никому не известна",
        "исправьте имя или создайте серию",
    ),
    "SERIES_NOT_ISSUED": _kind(
        Severity.HINT,
        'no promotion here issues codes of the series "{series}"',
        "right when the back office makes the codes; else add issue_coupon",
        "ни одна акция здесь не выдаёт коды серии «{series}»",
        "верно, если коды выпускает бэк-офис; иначе добавьте issue_coupon",
    ),
    "SERIES_NOT_TAKEN": _kind(
        Severity.HINT,
        'codes of the series "{series}" are issued, and no promotion asks for them',
        "add a promotion with `coupon: {{series: {series}}}`",
        "коды серии «{series}» выдаются, но ни одна акция их не спрашивает",
        "добавьте акцию с `coupon: {{series: {series}}}`",
    ),
    "NO_COUPON": _kind(
        Severity.WARNING,
        "stage coupon, and no condition asks for a coupon",
        "add a condition `coupon`, or take another stage",
        "ступень coupon, но ни одно условие не спрашивает купон",
        "добавьте условие `coupon` или возьмите другую ступень",
    ),
    "UNDECLARED_ASSET": _kind(
        Severity.WARNING,
        'no document declares "{asset}": scale 2 is taken',
        "add a document `asset: {asset}`",
        "ни один документ не объявляет «{asset}»: берётся точность 2",
        "добавьте документ `asset: {asset}`",
    ),
    "BELOW_STEP": _kind(
        Severity.WARNING,
        "less than the asset's step: rounded down to nothing",
        "give at least one step, or make the step smaller",
        "меньше шага валюты: округляется вниз до нуля",
        "дайте хотя бы один шаг или уменьшите шаг",
    ),
    "FLOOR_REFUSES_ALL": _kind(
        Severity.WARNING,
        "the promotion's own floor leaves nothing to give",
        "lower the floor",
        "собственный предел цены акции не оставляет скидке места",
        "опустите предел",
    ),
    "FLOOR_CUTS": _kind(
        Severity.HINT,
        "the promotion's own floor allows at most {most}, not {wanted}",
        "lower the floor, or write the discount that is really given",
        "собственный предел цены акции допускает не больше {most}, а не {wanted}",
        "опустите предел или напишите скидку, которая даётся на деле",
    ),
    # --- rules that compete
    "EQUAL_PRIORITY": _kind(
        Severity.WARNING,
        '"{rival}" of group "{group}" has priority {priority} too: the id decides',
        "give the two different priorities",
        "у «{rival}» из группы «{group}» тоже приоритет {priority}: решает идентификатор",
        "дайте им разные приоритеты",
    ),
    "EQUAL_GROUP_PRIORITY": _kind(
        Severity.HINT,
        '"{rival}" takes from the same goods at priority {priority} of stage {stage} too: the id decides which price '
        "the second one sees",
        "give the two different priorities",
        "«{rival}» снимает с тех же товаров с тем же приоритетом {priority} ступени {stage}: какую цену увидит "
        "вторая, решает идентификатор",
        "дайте им разные приоритеты",
    ),
    "NEVER_BEST": _kind(
        Severity.WARNING,
        '"{winner}" of group "{group}" always gives at least as much on the same goods',
        "remove the promotion, raise what it gives, or take it out of the group",
        "«{winner}» из группы «{group}» всегда даёт на тех же товарах не меньше",
        "снимите акцию, поднимите её скидку или выведите её из группы",
    ),
    "NEVER_FIRST": _kind(
        Severity.WARNING,
        '"{winner}" of group "{group}" stands before it and gives on the same goods under the same conditions',
        "put the promotion first, or take it out of the group",
        "«{winner}» из группы «{group}» стоит раньше и даёт на тех же товарах при тех же условиях",
        "поставьте акцию первой или выведите её из группы",
    ),
    "SAME_REWARD": _kind(
        Severity.WARNING,
        '"{rival}" gives the same on the same goods, and both can hold at once: it is given twice',
        "remove one of the two, or put both into a BEST group",
        "«{rival}» даёт то же самое на те же товары, и обе могут сработать вместе: даётся дважды",
        "снимите одну из двух или поместите обе в группу BEST",
    ),
    # --- what may cost more than was meant
    "FREE_GOODS": _kind(
        Severity.ERROR,
        "goods are given away: {price} a piece, to anybody and without limit",
        "lower the discount, set a floor, or add a condition and a limit",
        "товар отдаётся даром: {price} за штуку, кому угодно и без ограничения",
        "уменьшите скидку, задайте предел цены или добавьте условие и ограничение",
    ),
    "FREE_GOODS_IF": _kind(
        Severity.WARNING,
        "goods are given away: {price} a piece, whenever the condition holds and without limit",
        "lower the discount, set a floor, or add a limit",
        "товар отдаётся даром: {price} за штуку, всякий раз, когда выполнено условие, и без ограничения",
        "уменьшите скидку, задайте предел цены или добавьте ограничение",
    ),
    "FREE_AFTER_LAST": _kind(
        Severity.WARNING,
        "every unit after the last rung is free",
        "end the ladder with another rung, or take `after_last: REPEAT`",
        "каждая единица после последней ступени бесплатна",
        "закончите лестницу другой ступенью или возьмите `after_last: REPEAT`",
    ),
    "AMOUNT_WITHOUT_SUM": _kind(
        Severity.WARNING,
        "a receipt of {off} or less is paid with almost nothing: no sum from {off} up is asked for",
        "add `receipt_sum: {{from: …}}` above the amount, or a floor",
        "чек на {off} и меньше почти ничего не стоит: сумма от {off} не требуется",
        "добавьте `receipt_sum: {{from: …}}` больше этой суммы или предел цены",
    ),
    "POINTS_WITHOUT_SUM": _kind(
        Severity.WARNING,
        "any receipt, even of 0.01, earns these points, without limit",
        "add `receipt_sum: {{from: …}}`, or a limit",
        "любой чек, даже на 0.01, приносит эти баллы без ограничения",
        "добавьте `receipt_sum: {{from: …}}` или ограничение",
    ),
    "POINTS_WORTH_PRICE": _kind(
        Severity.ERROR,
        "the points are worth {worth} % of what is paid: goods come back free",
        "lower the percent, or the asset's rate of payment",
        "баллы стоят {worth} % оплаченного: товар возвращается бесплатно",
        "уменьшите процент или курс оплаты баллами",
    ),
    "SHARED_CODE_UNLIMITED": _kind(
        Severity.WARNING,
        'everybody who knows the code "{code}" may use it any number of times',
        "add a limit (per customer or promotion) or a budget, or take a coupon series",
        "любой, кто знает код «{code}», может применять его сколько угодно раз",
        "добавьте ограничение (на участника или акцию) или бюджет либо возьмите серию купонов",
    ),
    "CODE_FOR_ALL": _kind(
        Severity.HINT,
        'every receipt gets a code of the series "{series}", without condition',
        "add a condition such as `receipt_sum`, or give the code beside another reward",
        "каждый чек без условия получает код серии «{series}»",
        "добавьте условие, например `receipt_sum`, или выдавайте код вместе с другим вознаграждением",
    ),
    "DEEP_FOR_ALL": _kind(
        Severity.WARNING,
        "{rate} % off all goods, and nothing limits how much the promotion may cost",
        "add a limit, a budget or a floor, or name the goods",
        "{rate} % на все товары, и ничто не ограничивает, во сколько обойдётся акция",
        "добавьте ограничение, бюджет или предел цены либо назовите товары",
    ),
    "BUDGET_FOR_ONE": _kind(
        Severity.HINT,
        "one customer may use up the whole budget of {budget}",
        "add a limit per customer, card or receipt",
        "один покупатель может израсходовать весь бюджет {budget}",
        "добавьте ограничение на участника, карту или чек",
    ),
    "STACK_FREE": _kind(
        Severity.ERROR,
        "{sku}{more} can be had for {price} of {gross}: {promotions} add up",
        "put them into a BEST group, make one exclusive, or set a floor or a cap",
        "{sku}{more} можно получить за {price} вместо {gross}: складываются {promotions}",
        "поместите их в группу BEST, сделайте одну исключающей или задайте предел цены либо ограничение",
    ),
    "STACK_BELOW_COST": _kind(
        Severity.ERROR,
        "{sku}{more} can be had for {price} of {gross}, below its cost {floor}: {promotions} add up",
        "set `cost_floor: true`, or put them into a BEST group",
        "{sku}{more} можно получить за {price} вместо {gross}, ниже себестоимости {floor}: складываются {promotions}",
        "задайте `cost_floor: true` или поместите их в группу BEST",
    ),
    "STACK_BELOW_FLOOR": _kind(
        Severity.WARNING,
        '{sku}{more} can be had for {price} of {gross}, below the floor {floor} of "{owner}": {promotions} add up',
        "a floor binds its own promotion only: give the others one too, or use a cap",
        "{sku}{more} можно получить за {price} вместо {gross}, ниже предела {floor} акции «{owner}»: складываются "
        "{promotions}",
        "предел цены действует только на свою акцию: задайте его и другим или используйте ограничение cap",
    ),
    "STACK_DEEP": _kind(
        Severity.WARNING,
        "{sku}{more} can be had {percent} % off: {promotions} add up",
        "put them into a BEST group, make one exclusive, or set a floor or a cap",
        "{sku}{more} можно получить со скидкой {percent} %: складываются {promotions}",
        "поместите их в группу BEST, сделайте одну исключающей или задайте предел цены либо ограничение",
    ),
    "STACKS_NOT_TRIED": _kind(
        Severity.HINT,
        "the sum of discounts was tried for {tried} products; {left} were left out",
        "raise --products, or lint fewer documents at once",
        "сумма скидок проверена для {tried} товаров; {left} не проверены",
        "увеличьте --products или проверяйте меньше документов сразу",
    ),
    # --- limits, caps, payment with points
    "LIMIT_NEVER_BINDS": _kind(
        Severity.WARNING,
        "the limit is never reached: {other} stops the promotion before",
        "remove the limit, or lower it",
        "ограничение никогда не достигается: раньше акцию останавливает {other}",
        "уберите ограничение или уменьшите его",
    ),
    "LIMIT_NEEDS_CARD": _kind(
        Severity.HINT,
        "without a card the promotion gives nothing: the limit has nobody to count for",
        "say so: `when: {{customer: {{has_card: true}}}}`",
        "без карты акция ничего не даёт: ограничению не за кем считать",
        "скажите это явно: `when: {{customer: {{has_card: true}}}}`",
    ),
    "CAP_NEVER_BINDS": _kind(
        Severity.WARNING,
        "discounts never exceed this cap",
        "lower the cap, or remove the document",
        "скидки никогда не превышают это ограничение",
        "уменьшите ограничение или удалите документ",
    ),
    "CAP_SHADOWED": _kind(
        Severity.WARNING,
        'the cap "{other}" is never above this one: this one cuts nothing',
        "remove one of the two",
        "ограничение «{other}» никогда не выше этого: это ничего не срезает",
        "удалите одно из двух",
    ),
    "PAYMENT_SHADOWED": _kind(
        Severity.WARNING,
        'the payment rule of "{other}" for "{asset}" stands before it and always holds',
        "give the earlier rule a condition, or remove one of the two",
        "правило оплаты «{other}» для «{asset}» стоит раньше и выполняется всегда",
        "задайте раннему правилу условие или удалите одно из двух",
    ),
    "ROUNDING_SHADOWED": _kind(
        Severity.WARNING,
        'the rounding "{other}" stands before it and always holds',
        "give the earlier rounding a condition, or remove one of the two",
        "округление «{other}» стоит раньше и выполняется всегда",
        "задайте раннему округлению условие или удалите одно из двух",
    ),
    "RATE_NEVER_MULTIPLIED": _kind(
        Severity.WARNING,
        "nothing multiplies the rate: the bound is never reached",
        "add a multiplier, or leave max_rate out",
        "ставку ничто не умножает: предел никогда не достигается",
        "добавьте множитель или уберите max_rate",
    ),
    "GIFT_FOR_ALL": _kind(
        Severity.WARNING,
        "every receipt is promised the gift, without condition and without limit",
        "add a condition, or limit its times",
        "подарок обещан каждому чеку, без условий и без ограничения",
        "добавьте условие или ограничьте число раз (times)",
    ),
    "NOTHING_MULTIPLIED": _kind(
        Severity.WARNING,
        'no promotion "{other}" here gives a rate: nothing is multiplied, and the documents do not compile',
        "correct the id, or write the promotion",
        "здесь нет акции «{other}» со ставкой: умножать нечего, и документы не соберутся",
        "исправьте идентификатор или напишите акцию",
    ),
    # --- sets, tiers, texts
    "BROAD_PART_FIRST": _kind(
        Severity.WARNING,
        "part {number} is wider and stands before this one: it may take the only unit this part could use",
        "put the narrower part first",
        "часть {number} шире и стоит раньше: она может забрать единственную подходящую сюда единицу",
        "поставьте более узкую часть первой",
    ),
    "TIER_NOT_BETTER": _kind(
        Severity.WARNING,
        "from {wanted} the customer gets no more than the step before gives",
        "raise the number of this step, or remove it",
        "от {wanted} покупатель получает не больше, чем на предыдущей ступени",
        "увеличьте число этой ступени или уберите её",
    ),
    "TEXT_NEVER_FILLED": _kind(
        Severity.WARNING,
        "nothing ever stands in the place of {{{{ {name} }}}} here",
        "take the placeholder out",
        "на место {{{{ {name} }}}} здесь никогда ничего не подставляется",
        "уберите подстановку",
    ),
    "NUDGE_NEVER_TOLD": _kind(
        Severity.WARNING,
        "no sum, quantity or tier can be all that is missing here: nobody is ever nudged",
        "take the nudge out, or give the promotion a threshold (receipt_sum.from, quantity.from, tiers)",
        "здесь не может не хватать только суммы, количества или ступени: подсказки никто не увидит",
        "уберите подсказку или задайте порог (receipt_sum.from, quantity.from, tiers)",
    ),
    "TITLE_MISSING": _kind(
        Severity.HINT,
        "the text names the promotion in {language}, and the title has no such language: {shown} is said",
        "add the title in this language",
        "текст называет акцию на языке {language}, а названия на нём нет: говорится {shown}",
        "добавьте название на этом языке",
    ),
}


@dataclass(frozen=True, slots=True)
class Remark:
    """`path` is the document's id and the place in it, as in `Problem`; `details` fill the texts of the code."""

    path: str
    code: str
    details: Mapping[str, str] = field(default_factory=dict)

    @property
    def severity(self) -> Severity:
        return KINDS[self.code].severity

    @property
    def message(self) -> str:
        return self.say("en")

    def say(self, language: str) -> str:
        return KINDS[self.code].says[language].format_map(self.details)

    def mend(self, language: str) -> str:
        return KINDS[self.code].mend[language].format_map(self.details)

    def __str__(self) -> str:
        return f"{self.path}: {self.code}: {self.message}"


def remark(owner: str, place: str, code: str, /, **details: object) -> Remark:
    return Remark(f"{owner}: {place}", code, {name: str(value) for name, value in details.items()})
