-- SPDX-License-Identifier: Apache-2.0

-- Ad-hoc commands (XEP-0050) with forms: handlers for the adhoc library.

-- new_simple_form shows a form and hands its data to a handler.
local function new_simple_form(form, result_handler)
	return function (self, data, state)
		if state or data.form then
			if data.action == "cancel" then return { status = "canceled" }; end
			local fields, problems = form:data(data.form);
			return result_handler(fields, problems, data);
		end
		return { status = "executing", actions = { "next", "complete", default = "complete" }, form = form }, "executing";
	end;
end

-- new_initial_data_form does so with values that another function gives.
local function new_initial_data_form(form, initial_data, result_handler)
	return function (self, data, state)
		if state or data.form then
			if data.action == "cancel" then return { status = "canceled" }; end
			local fields, problems = form:data(data.form);
			return result_handler(fields, problems, data, state);
		end
		local values, new_state = initial_data(data);
		return {
			status = "executing"; actions = { "next", "complete", default = "complete" };
			form = { layout = form, values = values };
		}, new_state or "executing";
	end;
end

return { new_simple_form = new_simple_form, new_initial_data_form = new_initial_data_form };
