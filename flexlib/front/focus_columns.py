"""The columns of FOCUS 1.2 that a month's charges have, in their order, and what each is of summed calls and credits.

FOCUS's own stand first, by name; ours, which begin with `x_`, behind them.
"""

from __future__ import annotations

from collections.abc import Mapping

from flexlib.money.fx import USD

FLEX, PLAN = "Flex Credits", "Plan Credits"
"""The units of Windsurf's credits: of the bought pool, and of the seats, which cost nothing more."""

TAGS = ("task_type", "usable_type", "user", "team", "project", "cost_centre")
"""The keys of the tags; those that a charge lacks are left out."""

MOMENT = "'%Y-%m-%dT%H:%M:%SZ'"
START = f"strftime(coalesce(day, month), {MOMENT})"
END = f"strftime(CASE WHEN day IS NULL THEN month + INTERVAL 1 MONTH ELSE day + INTERVAL 1 DAY END, {MOMENT})"
IS_CREDITS = f"meter IN ('{FLEX}', '{PLAN}')"
CONSUMED = "quantity::DECIMAL(20, 0) * 0.01::DECIMAL(2, 2)"
PRICED = """CASE WHEN per = 1 THEN quantity::DECIMAL(20, 0) * 0.01000000::DECIMAL(8, 8)
    ELSE quantity::DECIMAL(20, 0) * 0.00000001::DECIMAL(8, 8) END"""
SKU = f"seller || '/' || CASE WHEN {IS_CREDITS} THEN '' ELSE model || '/' END || lower(meter)"

COLUMNS: Mapping[str, str] = {
    "BilledCost": "usd",
    "BillingAccountId": "payer",
    "BillingAccountName": "payer_name",
    "BillingCurrency": f"'{USD}'",
    "BillingPeriodEnd": f"strftime(month + INTERVAL 1 MONTH, {MOMENT})",
    "BillingPeriodStart": f"strftime(month, {MOMENT})",
    "ChargeCategory": "CASE WHEN meter IS NULL THEN 'Credit' ELSE 'Usage' END",
    "ChargeClass": "NULL",
    "ChargeDescription": f"model || ', ' || CASE WHEN {IS_CREDITS} THEN lower(meter) ELSE task_type END",
    "ChargeFrequency": "'Usage-Based'",
    "ChargePeriodEnd": END,
    "ChargePeriodStart": START,
    "CommitmentDiscountStatus": "NULL",  # rules of others look at it
    "ConsumedQuantity": CONSUMED,
    "ConsumedUnit": "meter",
    "ContractedCost": "usd",
    "ContractedUnitPrice": "own",
    "EffectiveCost": "usd",
    "InvoiceId": "NULL",  # nothing that is stored says the number of one
    "InvoiceIssuerName": "payer_name",
    "ListCost": f"CASE WHEN meter = '{FLEX}' THEN {CONSUMED} * list_price ELSE usd END",
    "ListUnitPrice": "listed",
    "PricingCategory": f"CASE meter WHEN '{PLAN}' THEN 'Other' ELSE 'Standard' END",
    "PricingCurrency": f"CASE meter WHEN '{FLEX}' THEN 'XFC' WHEN '{PLAN}' THEN 'XPC' ELSE '{USD}' END",
    "PricingCurrencyContractedUnitPrice": f"CASE WHEN {IS_CREDITS} THEN 1 ELSE own END",
    "PricingCurrencyEffectiveCost": f"CASE WHEN {IS_CREDITS} THEN {CONSUMED}::DECIMAL(38, 10) ELSE usd END",
    "PricingCurrencyListUnitPrice": f"CASE WHEN {IS_CREDITS} THEN 1 ELSE listed END",
    "PricingQuantity": PRICED,
    "PricingUnit": "CASE WHEN per = 1 THEN meter ELSE per || ' ' || meter END",
    "ProviderName": "payer_name",
    "PublisherName": "maker_name",
    "ServiceCategory": "'AI and Machine Learning'",
    "ServiceName": "seller_name",
    "ServiceSubcategory": "'Generative AI'",
    "SkuId": SKU,
    "SkuMeter": "meter",
    "SkuPriceDetails": "CASE WHEN tier IS NOT NULL THEN json_object('x_Tier', tier) END",
    "SkuPriceId": f"{SKU} || coalesce('/' || tier, '')",
    "SubAccountId": "department",
    "SubAccountName": "department",
    "Tags": "json_merge_patch('{{}}', json_object({}))".format(", ".join(f"'{key}', \"{key}\"" for key in TAGS)),
    "x_BilledCostInClp": "clp",
    "x_CachedTokens": "cached_tokens",
    "x_ChargeKind": "NULL",
    "x_ExchangeRate": "fx_rate",
    "x_ExchangeRateDate": "fx_date",
    "x_InputTokens": "input_tokens",
    "x_Model": "model",
    "x_OutputTokens": "output_tokens",
    "x_PriceSource": "price_source",
    "x_Requests": "requests",
}
"""By name, as SQL over `focus_usage.SUMMED`. Numbers are written with all of their decimals: whoever guesses the type
of a column by its first rows would take whole ones for integers."""
