using System.Globalization;

namespace Vitrine.Accelerators.Translation;

/// <summary>Writes a host fault as text.</summary>
public static class HostFaultText
{
    /// <summary>What happened, why probably, and what to do.</summary>
    public static string Headline(HostFault fault)
    {
        ArgumentNullException.ThrowIfNull(fault);
        string instruction = fault.Instruction is { } guest ? $", {guest.Bytes}  {guest.Text}" : "";
        string what = Text($"{fault.Signal} in code that the software CPU made, for RIP 0x{fault.Rip:x}{instruction}.");
        return IsMissingMemory(fault)
            ? Text($"{what} The host could not provide the guest's memory at guest-physical address 0x{fault.GuestPhysical:x}. ") +
                "It is probably out of memory. Free some, or give the guest less memory."
            : $"{what} This is a defect of Vitrine, not of the guest. Report what follows; the interpreter with the CPU model x86-64-v2 probably runs the guest.";
    }

    /// <summary>True when the host could not provide memory that it had promised.</summary>
    public static bool IsMissingMemory(HostFault fault) => fault is { Signal: "SIGBUS", GuestPhysical: not null };

    /// <summary>What is known of the host's side, with the block.</summary>
    public static string Details(HostFault fault)
    {
        ArgumentNullException.ThrowIfNull(fault);
        StringWriter output = new(CultureInfo.InvariantCulture);
        HostCodeLine host = fault.HostInstruction;
        output.WriteLine(Text($"Host: {fault.Signal}, code {fault.Code}, address 0x{fault.Address:x}, at 0x{fault.HostRip:x}, offset {host.Offset:x} in {fault.Place}:"));
        output.WriteLine(Text($"  {host.Bytes}  {host.Text}"));
        if (fault.Listing is { } listing)
        {
            output.WriteLine();
            BlockListingText.Write(listing, output, fault.Instruction?.Rip);
        }

        return output.ToString().TrimEnd();
    }

    private static string Text(FormattableString text) => FormattableString.Invariant(text);
}
