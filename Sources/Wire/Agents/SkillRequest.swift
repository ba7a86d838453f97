/// Checks `skills` of an agent (reference api-core §1.2). Whether a skill exists is the skills API's answer, not the shape's.
enum SkillRequest {
    static func resolve(_ json: JSON?) throws(WireError) -> JSON {
        guard let json else { return [] }
        guard let items = json.arrayValue else { throw .invalid("skills: expected an array, got \(json.kindName)") }
        guard items.count <= 500 else { throw .invalid("skills: at most 500 skills are allowed") }
        var seen = Set<String>()
        var skills: [JSON] = []
        for (index, item) in items.enumerated() {
            let path = "skills[\(index)]"
            var reader = try ObjectReader(item, path: path)
            let type = try reader.string("type")
            guard type == "anthropic" || type == "custom" else {
                throw .invalid("\(path).type: must be 'anthropic' or 'custom'")
            }
            let id = try reader.string("skill_id", length: 1...64)
            let version = try reader.optionalString("version", length: 1...64).orNil ?? "latest"
            try reader.finish()
            guard seen.insert(id).inserted else { throw .invalid("\(path).skill_id: '\(id)' is listed twice") }
            skills.append(["type": .string(type), "skill_id": .string(id), "version": .string(version)])
        }
        return .array(skills)
    }
}
