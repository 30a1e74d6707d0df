"""What ActiveCampaign documents and this stand-in does not play: it answers 501, and 404 to what is no call at all."""

from __future__ import annotations

_RESOURCES = """
accountContacts accountCustomFieldData accountCustomFieldMeta accounts activities addressGroups addressLists addresses
automations brandings calendars campaign campaigns configs connections contact contactArchives contactAutomations
contactDeals contactLists contactTags contacts content customObjects dealActivities dealCustomFieldData
dealCustomFieldMeta dealGroup dealGroups dealRoles dealStages dealTasks dealTasktypes deals ecomCustomers
ecomOrderProducts ecomOrders emailActivities eventTracking eventTrackingEvents fieldOption fieldRels fieldValues fields
form forms geoIps groupDefinitions groupLimits groupMembers groups import listGroups lists messages notes
personalizations savedResponses scores segments settings siteTracking tags taskNotifications taskOutcomes
tasktypeOutcomeRels templates trackingLogs users webhook webhooks
"""
_CONTACT_PARTS = """
accountContacts automationEntryCounts bounceLogs contactAutomations contactData contactDeals contactGoals contactLists
contactLogs contactTags deals fieldValues geoIps notes organization plusAppend scoreValues trackingLogs
"""
_UNMODELLED_FILTERS = """
ids ids[] email_like exclude formid id_less listid phone organization search segmentid seriesid tagid waitid
filters[created_before] filters[created_after] filters[updated_before] in_group_lists
orders[cdate] orders[email] orders[first_name] orders[last_name] orders[name] orders[score]
"""

#: first words of the documented paths (vendor's specification of 2026-08, and the archive's pages)
RESOURCES = frozenset(_RESOURCES.split())
#: documented listings of one contact
CONTACT_PARTS = frozenset(_CONTACT_PARTS.split())
#: filters and orders of the contacts' listing whose page would be another
UNMODELLED_FILTERS = frozenset(_UNMODELLED_FILTERS.split())
