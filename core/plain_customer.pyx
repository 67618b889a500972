"""A customer from plain Python values, for `evaluate`.

Decides nothing: it checks, and leaves out grants that are not in force. Every error names the field.
"""
import re

from libc.stdint cimport int64_t
from altyn.core.calendar cimport day_us, days_from_birthday, floor_div
from altyn.core.limits cimport FAVOURITES_MAX, GRANT_GOODS_MAX, GRANTS_MAX, SEGMENTS_MAX, TIER_RANK_MAX
from altyn.core.plain_lines cimport Texts, number
from altyn.core.receipt cimport GrantFact, birthday_at
from altyn.core.text cimport Text

from altyn.core.plain_lines import ReceiptError
from altyn.core.rules.read.dates import day_number

INSTANT = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,6}))?)?(Z|([+-])([0-9]{2}):([0-9]{2}))"
)
MONTH_AND_DAY = re.compile("([0-9]{2})-([0-9]{2})")
GRANT_KEYS = ("promotion", "from", "to", "skus", "categories")
# A year of every day.
LEAP_YEAR = 2000


cdef list listed(dict row, str key, str path, int limit):
    given = row.get(key) or []
    if not isinstance(given, list):
        raise ReceiptError(f"{path}{key}", "BAD_FORMAT", "a list is needed")
    if len(given) > limit:
        raise ReceiptError(f"{path}{key}", "TOO_LARGE", f"{len(given)} entries, at most {limit}")
    return given


cdef Text* texts_of(list given, str path, Texts texts) except NULL:
    cdef Text* made = texts.some(len(given) + 1)
    for position, one in enumerate(given):
        made[position] = texts.add(one, f"{path}[{position}]")
    return made


cdef int64_t month_and_day(object given) except -1:
    """MM-DD as month × 100 + day."""
    match = MONTH_AND_DAY.fullmatch(given) if isinstance(given, str) else None
    if match is None or day_number(LEAP_YEAR, int(match[1]), int(match[2])) is None:
        raise ReceiptError("customer.birthday", "BAD_FORMAT", f"{given!r} is no month and day like 02-29")
    return int(match[1]) * 100 + int(match[2])


cdef object instant(dict row, str path, str key):
    """UTC microseconds of a whole number or of a text with an offset; None: open."""
    given = row.get(key)
    if given is None or isinstance(given, int) and not isinstance(given, bool):
        return given
    if hasattr(given, "isoformat"):
        given = given.isoformat()  # what YAML makes of a time with seconds
    match = INSTANT.fullmatch(given) if isinstance(given, str) else None
    day = day_number(int(match[1]), int(match[2]), int(match[3])) if match else None
    if day is None or int(match[4]) > 23 or int(match[5]) > 59 or int(match[6] or 0) > 59:
        raise ReceiptError(f"{path}{key}", "BAD_FORMAT", f"{given!r} is no instant like 2027-03-01T10:00+03:00")
    seconds = ((day * 24 + int(match[4])) * 60 + int(match[5])) * 60 + int(match[6] or 0)
    offset = 0 if match[8] == "Z" else int(match[9] + "1") * (int(match[10]) * 60 + int(match[11])) * 60
    return (seconds - offset) * 1_000_000 + int((match[7] or "").ljust(6, "0"))


cdef bint is_in_force(dict row, str path, object instant_us) except -1:
    begin, end = instant(row, path, "from"), instant(row, path, "to")
    if begin is None and end is None:
        return True
    if begin is not None and end is not None and begin >= end:
        raise ReceiptError(f"{path}to", "OUT_OF_RANGE", "the grant ends before it begins")
    if instant_us is None:
        raise ReceiptError(f"{path}from", "BAD_FORMAT", "a grant with times needs the instant of the receipt")
    return (begin is None or begin <= instant_us) and (end is None or instant_us < end)


cdef int fill_grants(Holdings* holdings, list rows, object instant_us, Texts texts) except -1:
    cdef GrantFact* grant
    holdings.grants = <GrantFact*>texts.room((len(rows) + 1) * sizeof(GrantFact))
    holdings.grants_count = 0
    for position, row in enumerate(rows):
        path = f"customer.personal[{position}]."
        if not isinstance(row, dict) or set(row) - set(GRANT_KEYS):
            raise ReceiptError(f"customer.personal[{position}]", "BAD_FORMAT", f"a mapping with {', '.join(GRANT_KEYS)}")
        skus, categories = listed(row, "skus", path, GRANT_GOODS_MAX), listed(row, "categories", path, GRANT_GOODS_MAX)
        if len(skus) + len(categories) > GRANT_GOODS_MAX:
            raise ReceiptError(f"{path}skus", "TOO_LARGE", f"at most {GRANT_GOODS_MAX} skus and categories together")
        grant = &holdings.grants[holdings.grants_count]
        grant.promotion_id = texts.add(row.get("promotion"), f"{path}promotion")
        grant.skus = texts_of(skus, f"{path}skus", texts)
        grant.skus_count = len(skus)
        grant.categories = texts_of(categories, f"{path}categories", texts)
        grant.categories_count = len(categories)
        holdings.grants_count += is_in_force(row, path, instant_us)
    return 0


cdef bint is_anonymous(dict customer) except -1:
    given = customer.get("anonymous", False)
    if not isinstance(given, bool):
        raise ReceiptError("customer.anonymous", "BAD_FORMAT", "true or false is needed")
    return given


cdef int fill_customer(Holdings* holdings, dict customer, int64_t wall_us, object instant_us, Texts texts) except -1:
    state = customer.get("card_state", "ACTIVE")
    holdings.has_card = state == "ACTIVE"
    holdings.customer_id = number(customer, "customer.", "customer_id", 0, (1 << 63) - 1, 0) if holdings.has_card else 0
    holdings.card_id = number(customer, "customer.", "card_id", 0, (1 << 63) - 1, 1) if holdings.has_card else 0
    holdings.anonymous = holdings.has_card and is_anonymous(customer)
    holdings.card_type = texts.add(customer.get("card_type", ""), "customer.card_type")
    segments = listed(customer, "segments", "customer.", SEGMENTS_MAX)
    holdings.segments = texts_of(segments, "customer.segments", texts)
    holdings.segments_count = len(segments)
    tiers = listed(customer, "tiers", "customer.", TIER_RANK_MAX)
    holdings.tiers = texts_of(tiers, "customer.tiers", texts)
    holdings.tiers_count = len(tiers)
    if customer.get("birthday") is not None:
        birthday = month_and_day(customer["birthday"])
        holdings.birthday = birthday_at(days_from_birthday(floor_div(wall_us, day_us()), birthday))
    favourites = listed(customer, "favourites", "customer.", FAVOURITES_MAX)
    holdings.favourites = texts_of(favourites, "customer.favourites", texts)
    holdings.favourites_count = len(favourites)
    return fill_grants(holdings, listed(customer, "personal", "customer.", GRANTS_MAX), instant_us, texts)
