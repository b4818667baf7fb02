package costexplorer

import (
	"slices"
	"strings"
)

// charged is what FOCUS calls a record type of Cost Explorer.
type charged struct {
	category, class string
	usage           bool // of a region and amount each: asked for by service and region
	// Of commitments: what is billed is the purchase, and what is left of it after all use is amortized as unused usage.
	commitment bool
}

// recordTypes is what Cost Explorer tells apart, by the names it filters by.
// https://docs.aws.amazon.com/cost-management/latest/userguide/ce-filtering.html
var recordTypes = map[string]charged{
	"Usage":                   {category: "Usage", usage: true},
	"DiscountedUsage":         {category: "Usage", usage: true},
	"SavingsPlanCoveredUsage": {category: "Usage", usage: true},
	"SavingsPlanNegation":     {category: "Usage", usage: true},

	"RIFee":                   {category: "Purchase", commitment: true},
	"Recurring":               {category: "Purchase", commitment: true}, // its older name
	"SavingsPlanRecurringFee": {category: "Purchase", commitment: true},
	"Fee":                     {category: "Purchase"},
	"Upfront":                 {category: "Purchase"}, // its older name
	"SavingsPlanUpfrontFee":   {category: "Purchase"},
	"Support":                 {category: "Purchase"},
	"Other":                   {category: "Purchase"}, // charges out of cycle

	"Tax": {category: "Tax"},

	"Credit":                              {category: "Credit"},
	"Discount":                            {category: "Credit"},
	"BundledDiscount":                     {category: "Credit"},
	"EdpDiscount":                         {category: "Credit"},
	"EnterpriseDiscountProgramDiscount":   {category: "Credit"},
	"PrivateRateDiscount":                 {category: "Credit"},
	"SppDiscount":                         {category: "Credit"},
	"SolutionProviderProgramDiscount":     {category: "Credit"},
	"DistributorDiscount":                 {category: "Credit"},
	"Refund":                              {category: "Adjustment", class: "Correction"},
	"SavingsPlanCoveredUsageRefund":       {category: "Adjustment", class: "Correction"},
	"ReservedInstanceRefund":              {category: "Adjustment", class: "Correction"},
	"EnterpriseDiscountProgramCorrection": {category: "Adjustment", class: "Correction"},
}

// chargeOf tells what a record type is; spaces do not matter. What is in no table is an adjustment, and never lost.
func chargeOf(recordType string) charged {
	if c, ok := recordTypes[strings.ReplaceAll(recordType, " ", "")]; ok {
		return c
	}
	return charged{category: "Adjustment"}
}

// usageLike lists the record types that are asked for by service and region.
var usageLike = func() (all []string) {
	for name, c := range recordTypes {
		if c.usage {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return all
}()

// services is what FOCUS calls a service where Cost Explorer calls it otherwise.
var services = map[string]string{
	"EC2 - Other":                            "Amazon Elastic Compute Cloud",
	"Amazon Elastic Compute Cloud - Compute": "Amazon Elastic Compute Cloud",
	"AmazonCloudWatch":                       "Amazon CloudWatch",
	"Amazon Elastic Load Balancing":          "Elastic Load Balancing",
}

func serviceOf(name string) string {
	if focus, ok := services[name]; ok {
		return focus
	}
	return name
}

// regionOf is the region's ID; what is of none has "".
func regionOf(name string) string {
	switch name {
	case "NoRegion", "global", "No Region":
		return ""
	}
	return name
}
