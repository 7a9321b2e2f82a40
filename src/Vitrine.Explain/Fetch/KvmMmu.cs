using Vitrine.Accelerators.Kvm;
using Vitrine.X86.VmEntry;

namespace Vitrine.Explain.Fetch;

/// <summary>What KVM translates guest addresses with on this host, as far as its modules say.</summary>
/// <param name="Name">In words.</param>
/// <param name="IsIntel">VMX.</param>
/// <param name="HasSecondLevel">EPT or NPT is used.</param>
/// <param name="Unrestricted">VMX runs guests without protection and paging as they are.</param>
/// <param name="EmulatesRing0">The guest's ring 0 is emulated.</param>
internal sealed record KvmMmu(string Name, bool IsIntel, bool HasSecondLevel, bool Unrestricted, bool EmulatesRing0)
{
    /// <summary>The way in which it enters guests.</summary>
    public EntryMode EntryMode => (IsIntel, HasSecondLevel, Unrestricted) switch
    {
        (true, true, true) => EntryMode.EptUnrestricted,
        (true, true, false) => EntryMode.Ept,
        (true, false, _) => EntryMode.VmxShadow,
        (false, true, _) => EntryMode.NestedPaging,
        _ => EntryMode.SvmShadow,
    };

    /// <summary>Looks at the modules.</summary>
    public static KvmMmu OfThisHost()
    {
        HostFacts host = HostFacts.Read();
        bool secondLevel = host.SecondLevelTranslation ?? false;
        if (host.VendorModules.Contains("kvm_intel"))
        {
            return new(
                !secondLevel ? "KVM on VMX, shadow paging (module parameter ept is off)"
                : host.UnrestrictedGuest == true ? "KVM on VMX, EPT with unrestricted guest"
                : "KVM on VMX, EPT without unrestricted guest",
                IsIntel: true, secondLevel, Unrestricted: secondLevel && host.UnrestrictedGuest == true, EmulatesRing0: false);
        }

        if (host.VendorModules.Contains("kvm_amd"))
        {
            return new(
                secondLevel ? "KVM on SVM, nested paging" : "KVM on SVM, shadow paging (module parameter npt is off)",
                IsIntel: false, secondLevel, Unrestricted: false, EmulatesRing0: false);
        }

        return new(
            $"KVM without VMX or SVM beneath ({string.Join(", ", host.VendorModules)}): shadow paging, ring 0 emulated",
            IsIntel: false, HasSecondLevel: false, Unrestricted: false, EmulatesRing0: true);
    }
}
