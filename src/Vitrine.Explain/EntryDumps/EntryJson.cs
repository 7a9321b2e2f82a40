using System.Globalization;
using System.Text.Json;
using Vitrine.X86.VmEntry;

namespace Vitrine.Explain.EntryDumps;

/// <summary>Reads and writes the JSON form of a VMCS or VMCB (schema "vitrine.entry/1", described in docs/entry-checks.md).</summary>
public static class EntryJson
{
    /// <summary>The schema's name and version.</summary>
    public const string Schema = "vitrine.entry/1";

    private const string Vmx = "vmx";
    private const string Svm = "svm";

    private static readonly Dictionary<string, VmcsField> s_vmcs = Enum.GetValues<VmcsField>().ToDictionary(field => field.Describe().Key);
    private static readonly Dictionary<string, VmcbField> s_vmcb = Enum.GetValues<VmcbField>().ToDictionary(field => field.Describe().Key);

    /// <summary>Writes an area.</summary>
    /// <param name="area">The fields; those that are missing are left out, those that the host chooses are null.</param>
    /// <param name="environment">The processor.</param>
    public static string Write(EntryArea area, EntryEnvironment? environment = null)
    {
        ArgumentNullException.ThrowIfNull(area);
        EntryDocument document = new()
        {
            Schema = Schema,
            Kind = area is Vmcs ? Vmx : Svm,
            PhysicalAddressBits = environment?.PhysicalAddressBits,
            Fields = area.Values.ToDictionary(value => value.Field.Key, value => value.Value is { } number ? $"0x{number:x}" : null),
        };
        return JsonSerializer.Serialize(document, EntryJsonContext.Default.EntryDocument);
    }

    /// <summary>Reads an area.</summary>
    /// <param name="file">Name of the file, for errors.</param>
    /// <param name="text">Its content.</param>
    /// <exception cref="Errors.VitrineException">It isn't valid, with the line and what was expected.</exception>
    public static EntryDump Read(string file, string text)
    {
        EntryDocument document = Parse(file, text);
        if (document.Schema != Schema) throw DumpErrors.Json(file, LineOf(text, "schema"), $"\"schema\" must be \"{Schema}\"");
        if (document.PhysicalAddressBits is < 32 or > 52) throw DumpErrors.Json(file, LineOf(text, "physicalAddressBits"), "\"physicalAddressBits\" must be 32 to 52");
        EntryEnvironment environment = new() { PhysicalAddressBits = document.PhysicalAddressBits ?? EntryEnvironment.Default.PhysicalAddressBits };
        EntryArea area = document.Kind switch
        {
            Vmx => ReadVmcs(file, text, document),
            Svm => ReadVmcb(file, text, document),
            _ => throw DumpErrors.Json(file, LineOf(text, "kind"), $"\"kind\" must be \"{Vmx}\" or \"{Svm}\""),
        };
        return new EntryDump("Vitrine's JSON", 1, [new EntryTrial(null, area, [])], environment, []);
    }

    private static EntryDocument Parse(string file, string text)
    {
        try
        {
            return JsonSerializer.Deserialize(text, EntryJsonContext.Default.EntryDocument) ?? throw DumpErrors.Json(file, 1, "it is null");
        }
        catch (JsonException error)
        {
            string where = string.IsNullOrEmpty(error.Path) || error.Path == "$" ? "" : $" (at {error.Path})";
            throw DumpErrors.Json(file, (error.LineNumber ?? 0) + 1, $"\"schema\", \"kind\" and \"fields\" with values like \"0x10\" are expected{where}");
        }
    }

    private static Vmcs ReadVmcs(string file, string text, EntryDocument document)
    {
        Vmcs vmcs = new();
        foreach ((string key, string? value) in document.Fields)
        {
            if (!s_vmcs.TryGetValue(key, out VmcsField field)) throw DumpErrors.Json(file, LineOf(text, key), "a VMCS has no field of that name here");
            if (value is null) vmcs.LeaveToHost(field, "chosen by the host");
            else vmcs.Set(field, Number(file, text, field.Describe(), value));
        }

        return vmcs;
    }

    private static Vmcb ReadVmcb(string file, string text, EntryDocument document)
    {
        Vmcb vmcb = new();
        foreach ((string key, string? value) in document.Fields)
        {
            if (!s_vmcb.TryGetValue(key, out VmcbField field)) throw DumpErrors.Json(file, LineOf(text, key), "a VMCB has no field of that name here");
            if (value is null) vmcb.LeaveToHost(field, "chosen by the host");
            else vmcb.Set(field, Number(file, text, field.Describe(), value));
        }

        return vmcb;
    }

    private static ulong Number(string file, string text, EntryField field, string value)
    {
        return ulong.TryParse(FieldReader.Digits(value), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong number) && number <= field.Maximum
            ? number
            : throw DumpErrors.JsonNumber(file, LineOf(text, field.Key), field, value);
    }

    private static int LineOf(string text, string key)
    {
        int at = text.IndexOf($"\"{key}\"", StringComparison.Ordinal);
        return at < 0 ? 1 : 1 + text.AsSpan(0, at).Count('\n');
    }
}
